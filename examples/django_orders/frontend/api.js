// What the page asks of Django.

const TIMEOUT_MS = 15_000;

/** Django's CSRF token. It changes when somebody signs in, in any tab, so it is read each time. */
export function csrfHeaders() {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
  return { "X-CSRFToken": token };
}

/** What the application answers with another status than 200; without a status, it could not be reached. */
export class Refused extends Error {
  constructor(status, { error, order } = {}) {
    super(error ?? (status ? `the application said ${status}` : "the application cannot be reached"));
    this.status = status;
    this.order = order;
  }
}

export const getJson = (url) => ask(url, {});

export const postForm = (url, fields) =>
  ask(url, { method: "POST", headers: csrfHeaders(), body: new URLSearchParams(fields) });

async function ask(url, options) {
  let answer;
  let body;
  try {
    answer = await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
    body = await answer.json();
  } catch {
    throw new Refused(answer?.ok ? undefined : answer?.status);
  }
  if (!answer.ok) throw new Refused(answer.status, body);
  return body;
}
