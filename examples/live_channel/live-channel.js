// LiveChannel: the official client's RealtimeChannel, kept alive for as long as a page is open.
//
// RealtimeChannel has one token for ever, does not enter presence again after a reconnect, and may hand on a message
// twice. Here it serves as one connection: another one takes its place, with a new token where that is due, and what
// has to outlast it is kept.

import { RealtimeChannel } from "@voyant-travel/cloud-sdk";

const EVENTS = ["connected", "message", "presence", "disconnected", "ended", "error"];
const RENEW_AT = 0.8; // of a token's life
const LINGER_MS = 1_000;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
const STEADY_MS = 5_000;
const TOKEN_TIMEOUT_MS = 15_000;
const LOOK_MS = 15_000;
const SHORTEST_LIFE_MS = 60_000; // of a new token that looks expired
const SLEPT_MS = 150_000; // browsers let the timers of a hidden page run once a minute, which is no sleep
const REMEMBERED = 5_000;

export class LiveChannel {
  #options;
  #handlers = Object.fromEntries(EVENTS.map((event) => [event, new Set()]));
  #seen = new Set();
  #sinceId;
  #presence;
  #grant = null; // {token, channelUrl, expiresAt, renewAt}, the times by this machine's clock
  #current = null; // the channel that is connected
  #next = null; // the one that is to replace it
  #old = new Set(); // those that were replaced a moment ago
  #opening = false;
  #ended = false;
  #failures = 0;
  #connectedAt = 0;
  #timer = null;
  #lookedAt = Date.now();
  #watch;

  /**
   * @param {object} options
   * @param {string} options.channel - the channel's name
   * @param {string} options.tokenUrl - where a POST is answered with {token, expiresAt, channelUrl}
   * @param {object | (() => object)} [options.headers] - of that POST, the CSRF token among them
   * @param {unknown} [options.presence] - what this client says of itself; without it, it stays unseen
   * @param {string} [options.sinceId] - the id of the last message that the page has already
   */
  constructor(options) {
    this.#options = options;
    this.#sinceId = options.sinceId;
    this.#presence = options.presence;
    this.#watch = setInterval(this.#look, LOOK_MS);
    addEventListener("online", this.#replace);
    // Later, so that whoever made this can add handlers first.
    this.#schedule(0);
  }

  /** Whether messages arrive now. */
  get connected() {
    return this.#current !== null;
  }

  /** Add a handler; returns a function that removes it. README.md lists the events. */
  on(event, handler) {
    this.#handlers[event].add(handler);
    return () => this.#handlers[event].delete(handler);
  }

  /** Publish through the connection. Throws while there is none. */
  publish(event, data) {
    if (this.#current === null) throw new Error("LiveChannel is not connected.");
    this.#current.publish(event, data);
  }

  /** Be present with other data, now and after each reconnect. */
  updatePresence(data) {
    this.#presence = data;
    this.#enterPresence();
  }

  /** End it. No event follows. */
  close() {
    this.#ended = true;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    removeEventListener("online", this.#replace);
    for (const channel of [this.#current, this.#next, ...this.#old]) channel?.close();
    this.#current = this.#next = null;
  }

  // Opens a channel beside the present one, if there is one; it takes over once it is connected.
  async #open() {
    if (this.#ended || this.#opening || this.#next !== null) return;
    this.#opening = true;
    let grant;
    try {
      grant = await this.#validGrant();
    } catch (error) {
      return this.#retry(error.retryAfterMs);
    } finally {
      this.#opening = false;
    }
    if (this.#ended || grant === null) return;
    const channel = new RealtimeChannel({
      channel: this.#options.channel,
      token: grant.token,
      baseUrl: grant.channelUrl,
      sinceId: this.#sinceId,
      reconnect: false,
    });
    this.#next = channel;
    channel.on("connected", () => this.#takeOver(channel));
    channel.on("message", (message) => this.#handOn("message", message.id, message));
    // While two channels overlap, both bring the same event.
    channel.on("presence", (event) => this.#handOn("presence", JSON.stringify(event), event));
    channel.on("error", (error) => this.#emit("error", error));
    channel.on("disconnected", (event) => this.#lose(channel, event));
  }

  #takeOver(channel) {
    if (this.#ended) return;
    const before = this.#current;
    this.#next = null;
    this.#current = channel;
    this.#connectedAt = Date.now();
    this.#enterPresence();
    if (before !== null) {
      this.#failures = 0;
      // A closing WebSocket drops what is still on its way, and its presence should end after that of the new one.
      this.#old.add(before);
      setTimeout(() => before.close(), LINGER_MS);
    }
    this.#schedule(this.#grant.renewAt - Date.now());
    this.#emit("connected", { renewed: before !== null, expiresAt: new Date(this.#grant.expiresAt) });
  }

  #lose(channel, { code, reason }) {
    this.#old.delete(channel);
    if (this.#ended || (channel !== this.#current && channel !== this.#next)) return;
    // A browser is not told why it got no connection. The token may be the reason, so it is not tried again.
    if (channel === this.#next || code === 4401) this.#grant = null;
    if (channel === this.#next) {
      this.#next = null;
    } else {
      this.#current = null;
      // Only a connection that held shows that all is well, not one that ends as soon as it is made.
      if (Date.now() - this.#connectedAt > STEADY_MS) this.#failures = 0;
      this.#emit("disconnected", { code, reason });
    }
    this.#retry();
  }

  #retry(atLeastMs = 0) {
    const longest = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS);
    this.#failures += 1;
    this.#schedule(atLeastMs + (longest / 2) * (1 + Math.random()));
  }

  #schedule(delayMs) {
    clearTimeout(this.#timer);
    if (!this.#ended) this.#timer = setTimeout(() => this.#open(), Math.max(delayMs, 0));
  }

  // Returns a token with some life left, or null where there will be none any more; throws where it has to wait.
  async #validGrant() {
    if (this.#grant !== null && Date.now() < this.#grant.renewAt) return this.#grant;
    const { tokenUrl, headers } = this.#options;
    const answer = await fetch(tokenUrl, {
      method: "POST",
      headers: typeof headers === "function" ? headers() : headers,
      redirect: "manual",
      signal: AbortSignal.timeout(TOKEN_TIMEOUT_MS),
    });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok && body.token) return (this.#grant = grantOf(body, answer.headers.get("Date")));
    if (isPassing(answer.status)) {
      throw Object.assign(new Error(`no token: ${answer.status}`), { retryAfterMs: retryAfterMs(answer) });
    }
    this.#end(answer.status, body);
    return null;
  }

  // A redirect, whose status a page cannot see, goes to where one logs in.
  #end(status, { code, error }) {
    if (this.#ended) return;
    this.close();
    const signedOut = [0, 401, 403].includes(status);
    const message = signedOut && code !== "forbidden" ? "you are signed out" : (error ?? `no token: ${status}`);
    this.#emit("ended", { status, code: code ?? (signedOut ? "unauthorized" : "refused"), message });
  }

  #enterPresence() {
    if (this.#presence === undefined || this.#current === null) return;
    try {
      this.#current.enterPresence(this.#presence);
    } catch {
      // The socket has just closed; the next `connected` does it.
    }
  }

  #handOn(event, key, payload) {
    if (this.#ended || this.#seen.has(key)) return;
    if (event === "message") this.#sinceId = payload.id;
    this.#seen.add(key);
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value);
    this.#emit(event, payload);
  }

  // A machine that slept, or came to another network, may hold a connection that only looks alive.
  #look = () => {
    const slept = Date.now() - this.#lookedAt > SLEPT_MS;
    this.#lookedAt = Date.now();
    if (slept) this.#replace();
  };

  #replace = () => {
    this.#failures = 0;
    this.#schedule(0);
  };

  #emit(event, payload) {
    for (const handler of [...this.#handlers[event]]) handler(payload);
  }
}

// By the server's idea of now, so that a wrong clock here does not make every token look expired.
function grantOf({ token, expiresAt, channelUrl }, date) {
  const now = Date.now();
  const serverNow = Date.parse(date) + 1_000 || now; // a header's time is cut to the second
  let lifetime = Date.parse(expiresAt) - serverNow;
  if (!(lifetime > 0)) lifetime = SHORTEST_LIFE_MS;
  return { token, channelUrl, expiresAt: now + lifetime, renewAt: now + RENEW_AT * lifetime };
}

function isPassing(status) {
  return [200, 408, 425, 429].includes(status) || status >= 500;
}

function retryAfterMs(answer) {
  const text = answer.headers.get("Retry-After") ?? "0";
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Math.min(Math.max(seconds || 0, 0), 600) * 1000;
}
