// What the page asks of Flask.

const TIMEOUT_MS = 15_000;

/** What Flask answers with another status than 2xx; without a status, it could not be reached. */
export class Refused extends Error {
  constructor(status, text) {
    super(text ?? (status ? `The chat said ${status}.` : "The chat cannot be reached at the moment."));
    this.status = status;
  }
}

export const getJson = (url, query = {}) => ask(`${url}?${new URLSearchParams(query)}`, {});

export const postJson = (url, body) =>
  ask(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

async function ask(url, options) {
  let answer;
  let body;
  try {
    answer = await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
    body = await answer.json();
  } catch {
    throw new Refused(answer?.ok ? undefined : answer?.status);
  }
  if (!answer.ok) throw new Refused(answer.status, body.error);
  return body;
}
