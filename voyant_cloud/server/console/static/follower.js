// Follows one channel: its history, then its messages without a hole or a repeat, and who is present.

import { Connection } from "./connection.js";

const REMEMBERED = 5_000;
const CLIENT_ID = `console-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;

export class Follower {
  #api;
  #channel;
  #limit;
  #told;
  #connection;
  #lastId = null;
  #head = null;
  #seen = new Set();
  #held = [];
  #reading = 0;
  #isConnected = false;
  #stopped = false;

  /**
   * @param limit messages of history.
   * @param told `history(messages)`, `message(message)`, `gap(frame)`, `refused(words)`, `members(list)`,
   *   `presence(frame)`, `noMembers(words)`, `state(text, tone)`.
   */
  constructor(api, channel, limit, told) {
    this.#api = api;
    this.#channel = channel;
    this.#limit = limit;
    this.#told = told;
    this.#connection = new Connection(api, channel, CLIENT_ID, {
      state: (text, tone) => {
        this.#isConnected = false;
        told.state(text, tone);
      },
      frame: (frame) => this.#take(frame),
      sinceId: () => this.#lastId,
    });
  }

  /** Reads history and presence and, if it may, goes on live from there. */
  async start(isLive) {
    this.#told.state("Reading history", "waiting");
    await Promise.all([this.#readHistory(), this.#readMembers()]);
    if (this.#stopped) return;
    if (isLive) this.#connection.start();
    else this.#told.state("History only", "waiting");
  }

  stop() {
    this.#stopped = true;
    this.#connection.stop();
  }

  #take(frame) {
    if (frame.type === "connected") this.#catchUp(frame);
    else if (this.#reading > 0) this.#held.push(frame);
    else this.#tell(frame);
    // Also of what is held: a connection that is made meanwhile goes on behind it.
    if (frame.type === "message") this.#lastId = frame.id;
    // Where nothing is retained behind a gap there is no message to go on from, and the next connection would tell of it
    // again.
    if (isGap(frame) && !frame.resumedFrom) this.#lastId = this.#head;
  }

  // What is read now may be newer or older than the frames that come meanwhile. Those wait; telling a member twice does
  // no harm, and messages that were told are known by their ids.
  async #catchUp(connected) {
    this.#isConnected = true;
    this.#head = connected.lastId ?? null;
    this.#reading += 1;
    // Where there was no message to go on from, some may have come between that reading and this connection.
    const isBehind = this.#lastId === null;
    if (isBehind) this.#lastId = this.#head;
    await Promise.all([isBehind && this.#readHistory(), this.#readMembers()]);
    this.#reading -= 1;
    if (this.#stopped || this.#reading > 0) return;
    for (const frame of this.#held.splice(0)) this.#tell(frame);
    if (this.#isConnected) this.#told.state("Live", "good");
  }

  #tell(frame) {
    if (frame.type === "message") this.#tellMessage(frame);
    else if (frame.type === "presence") this.#told.presence(frame);
    else if (isGap(frame)) this.#told.gap(frame);
    else if (frame.type === "error") this.#told.refused(String(frame.message));
  }

  #tellMessage(message) {
    if (this.#seen.has(message.id)) return;
    this.#remember(message.id);
    this.#told.message(message);
  }

  #remember(id) {
    this.#seen.add(id);
    // A set gives its elements in the order in which they came.
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value);
  }

  async #readHistory() {
    let messages;
    try {
      messages = await this.#api.history(this.#channel, this.#limit);
    } catch (error) {
      if (!this.#stopped) this.#told.refused(`History: ${error.message}`);
      return;
    }
    if (this.#stopped) return;
    this.#seen.clear();
    for (const message of messages) this.#remember(message.id);
    if (messages.length && this.#held.length === 0) this.#lastId = messages.at(-1).id;
    this.#told.history(messages);
  }

  async #readMembers() {
    try {
      const members = await this.#api.members(this.#channel);
      if (!this.#stopped) this.#told.members(members);
    } catch (error) {
      if (!this.#stopped) this.#told.noMembers(error.message);
    }
  }
}

function isGap(frame) {
  return frame.type === "error" && frame.code === "history_gap";
}
