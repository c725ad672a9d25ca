// One channel's WebSocket: a fresh token for each connection, liveness, and coming back until it is told to stop.

import { socketUrl } from "./api.js";
import { parse } from "./json.js";

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
const ABUSE_DELAY_MS = 30_000;
const PROVEN_AFTER_MS = 10_000;
const PING_AFTER_MS = 20_000;
const PONG_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 5_000;
const REFUSED = "the WebSocket was refused; a proxy must pass on Host and upgrades";
const TOKEN_EXPIRED = 4401;
const ABUSE = 4429;
const TERMINAL = new Set([1003, 1008, 4403]);

export class Connection {
  #api;
  #channel;
  #clientId;
  #told;
  #socket = null;
  #timers = new Set();
  #attempts = 0;
  #openedAt = null;
  #heardAt = 0;
  #pingedAt = null;
  #stopped = false;

  /**
   * @param told `state(text, tone)`, `frame(frame)` for each frame, and `sinceId()`, which says where to go on.
   */
  constructor(api, channel, clientId, told) {
    this.#api = api;
    this.#channel = channel;
    this.#clientId = clientId;
    this.#told = told;
  }

  async start() {
    this.#told.state("Connecting", "waiting");
    try {
      const token = await this.#api.mint(this.#clientId, this.#channel);
      if (!this.#stopped) this.#open(token);
    } catch (error) {
      if (this.#stopped) return;
      const isFinal = error.status >= 400 && error.status < 500 && error.status !== 429;
      if (isFinal) this.#give(`Stopped: ${error.message}`);
      else this.#retry(this.#backoff(), error.message);
    }
  }

  stop() {
    this.#stopped = true;
    this.#letGo();
  }

  #open(token) {
    const socket = new WebSocket(socketUrl(this.#channel, token, this.#told.sinceId()));
    this.#socket = socket;
    this.#openedAt = null;
    this.#pingedAt = null;
    socket.onopen = () => {
      this.#openedAt = performance.now();
      this.#heardAt = this.#openedAt;
    };
    socket.onmessage = (message) => this.#hear(message.data);
    socket.onclose = (close) => this.#lost(close.code, close.reason);
    this.#every(LOOK_EVERY_MS, () => this.#look());
  }

  #hear(text) {
    this.#heardAt = performance.now();
    this.#pingedAt = null;
    let frame;
    try {
      frame = parse(text);
    } catch {
      return;
    }
    if (frame.type === "token_expiring") this.#renew();
    else this.#told.frame(frame);
  }

  #renew() {
    this.#letGo();
    this.start();
  }

  // A connection that is half gone looks well for ever, so silence is answered with a ping, a missing pong with an end.
  #look() {
    const now = performance.now();
    if (this.#openedAt === null) return;
    if (this.#pingedAt !== null && now - this.#pingedAt > PONG_WITHIN_MS) {
      this.#lost(1006, "");
    } else if (this.#pingedAt === null && now - this.#heardAt > PING_AFTER_MS) {
      this.#pingedAt = now;
      this.#socket.send('{"type":"ping"}');
    }
  }

  #lost(code, reason) {
    const neverOpened = this.#openedAt === null;
    if (!neverOpened && performance.now() - this.#openedAt > PROVEN_AFTER_MS) this.#attempts = 0;
    this.#letGo();
    if (TERMINAL.has(code) || code >= 4500) this.#give(`Stopped: ${reason || code}`);
    else if (neverOpened) this.#retry(this.#backoff(), REFUSED);
    else this.#retry(this.#delayAfter(code, reason), "connection lost");
  }

  #delayAfter(code, reason) {
    const wanted = /retry-after=([\d.]+)/.exec(reason);
    if (wanted) return Number(wanted[1]) * 1000;
    const backoff = this.#backoff();
    if (code === ABUSE) return Math.max(ABUSE_DELAY_MS, backoff);
    return code === TOKEN_EXPIRED && this.#attempts === 1 ? 0 : backoff;
  }

  #backoff() {
    const step = Math.min(FIRST_DELAY_MS * 2 ** this.#attempts, LONGEST_DELAY_MS);
    this.#attempts += 1;
    return step / 2 + (Math.random() * step) / 2;
  }

  #retry(delay, why) {
    this.#told.state(`Reconnecting: ${why}`, "waiting");
    const timer = setTimeout(() => this.start(), delay);
    this.#timers.add(() => clearTimeout(timer));
  }

  #give(words) {
    this.stop();
    this.#told.state(words, "bad");
  }

  #every(period, work) {
    const timer = setInterval(work, period);
    this.#timers.add(() => clearInterval(timer));
  }

  #letGo() {
    for (const end of this.#timers) end();
    this.#timers.clear();
    if (this.#socket === null) return;
    const socket = this.#socket;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    const close = () => socket.close(1000, "console closed");
    // A browser logs it as a failure when a socket is closed before it was open.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = close;
    else close();
  }
}
