// The REST calls. The key is kept here, in memory, and given to nobody.

import { parse } from "./json.js";

// By this file's own place, so that the console works behind a prefix that a proxy adds.
const ROOT = new URL("../", import.meta.url);
const PATIENCE_MS = 15_000;
const KEY = /^[!-~]+$/;
const CHANNEL = /^(?!\.{1,2}$)[A-Za-z0-9_:.,;=@-]{1,200}$/;

/** A call that failed: the server's words, its status (0 where there was no answer) and its code. */
export class ApiError extends Error {
  constructor(message, status = 0, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }

  get isUnauthorized() {
    return this.status === 401;
  }
}

export class Api {
  #key;
  #closing = new AbortController();

  constructor(key) {
    this.#key = key;
  }

  /** Ends the calls that are under way and forgets the key. */
  close() {
    this.#key = "";
    this.#closing.abort();
  }

  get isClosed() {
    return this.#closing.signal.aborted;
  }

  channels(prefix) {
    return this.#call("GET", `console/channels?${new URLSearchParams({ prefix })}`);
  }

  history(channel, limit) {
    return this.#call("GET", `${channelPath(channel)}/messages?${new URLSearchParams({ limit })}`);
  }

  members(channel) {
    return this.#call("GET", `${channelPath(channel)}/presence`);
  }

  /** Mints a token that can subscribe to one channel and do nothing else. */
  async mint(clientId, channel) {
    const body = JSON.stringify({ clientId, capabilities: { [channel]: ["subscribe"] } });
    return (await this.#call("POST", "realtime/v1/tokens", body)).token;
  }

  /** Publishes. The data goes out as the JSON text that it is, since reading it here could only change its numbers. */
  publish(channel, event, dataText) {
    const data = dataText === null ? "" : `,"data":${dataText}`;
    return this.#call("POST", `${channelPath(channel)}/messages`, `{"event":${JSON.stringify(event)}${data}}`);
  }

  async #call(method, path, body) {
    if (!KEY.test(this.#key)) throw new ApiError("an API key has no spaces, accents or other such characters", 401);
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PATIENCE_MS)]);
    let response, text;
    try {
      response = await fetch(new URL(path, ROOT), {
        method,
        body,
        headers: { Authorization: `Bearer ${this.#key}`, ...(body && { "Content-Type": "application/json" }) },
        cache: "no-store",
        redirect: "error",
        signal,
      });
      text = await response.text();
    } catch {
      throw new ApiError(`the server does not answer${body ? "; what was sent may have arrived all the same" : ""}`);
    }
    const answer = read(text);
    if (!response.ok) throw refusal(response, answer);
    if (answer === null) throw new ApiError("the answer is not this server's; what stands between it and this page?");
    return answer.data;
  }
}

/** The address of a channel's WebSocket. */
export function socketUrl(channel, token, sinceId) {
  const url = new URL("realtime/v1/connect", ROOT);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams({ channel, token, ...(sinceId && { sinceId }) });
  return url;
}

/** The address of the server, as its users need it. */
export function serverUrl() {
  return ROOT.href.replace(/\/$/, "");
}

/** The path of a channel, below the server's address. What is no channel could lead elsewhere, so it has none. */
export function channelPath(channel) {
  if (!CHANNEL.test(channel)) {
    throw new ApiError("a channel name has 1 to 200 of A-Z a-z 0-9 _ : . , ; = @ - and is not . or ..", 400);
  }
  return `realtime/v1/channels/${encodeURIComponent(channel).replaceAll("%3A", ":")}`;
}

function read(text) {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

function refusal(response, answer) {
  const words = answer?.error ?? answer?.message ?? `the server answered ${response.status}`;
  return new ApiError(String(words), response.status, String(answer?.code ?? ""));
}
