// The messages that are here, in the order of the channel, and up to which one there is no hole among them.
//
// Messages come by two ways: from the channel as they are published, and from history. Whoever only listens has a hole
// where the connection was lost, and whoever only reads has one between reading and listening. So the page connects,
// then reads on from `knownTo`; what comes by both ways is put in once.

export class Timeline {
  #messages = [];
  #ids = new Set();
  #lastLive = null;
  #knownTo = null;
  #complete = false;

  /** The id after which history has to be read; null before the first time. */
  get knownTo() {
    return this.#knownTo?.id ?? null;
  }

  get size() {
    return this.#messages.length;
  }

  /** From now on there may be a hole: a connection begins, or has ended. */
  interrupt() {
    this.#complete = false;
    this.#lastLive = null;
  }

  /** Take a message from the channel. Returns where it was put, or -1 if it was here or is no chat's. */
  takeLive(message) {
    this.#lastLive = message;
    if (this.#complete) this.#knownTo = message;
    return this.#put(message);
  }

  /** Take messages of history, the next after `knownTo`; `more` if there are others behind. Calls back for new ones. */
  takeHistory(messages, more, onNew) {
    this.takeEarlier(messages, onNew);
    this.#knownTo = messages.at(-1) ?? this.#knownTo;
    if (more) return;
    this.#complete = true;
    // All that came from the channel since it was connected follows without a hole.
    if (this.#lastLive && (!this.#knownTo || isAfter(this.#lastLive, this.#knownTo))) this.#knownTo = this.#lastLive;
  }

  /** Take messages from before. Calls back for new ones. */
  takeEarlier(messages, onNew) {
    for (const message of messages) {
      const index = this.#put(message);
      if (index >= 0) onNew(message, index);
    }
  }

  #put(message) {
    if (this.#ids.has(message.id) || !isChat(message)) return -1;
    this.#ids.add(message.id);
    let index = this.#messages.length;
    while (index > 0 && isAfter(this.#messages[index - 1], message)) index -= 1;
    this.#messages.splice(index, 0, message);
    return index;
  }
}

// Others may publish to the channel, too, from a command line for one.
function isChat({ event, data }) {
  return event === "message" && typeof data?.text === "string" && typeof data.from === "string";
}

// Ids are of one width and count up; the time comes first because a service that lost its data begins anew.
function isAfter(one, other) {
  const [a, b] = [Date.parse(one.publishedAt), Date.parse(other.publishedAt)];
  return a === b ? one.id > other.id : a > b;
}
