// What the reader says, on its way: "Sending", "Sent", or "Not sent" with a button to try again.
//
// A message keeps its UUID over all tries, and Flask stores it once however often it comes. It stays in the outbox
// until it is seen in the channel or in history, which may be before Flask's answer, or although there was none.

import { postJson } from "./api.js";
import { element } from "./element.js";
import { itemOf } from "./log.js";

export class Outbox {
  #list = document.getElementById("outbox");
  #log;
  #url;
  #clientId;
  #waiting = new Map(); // items by UUID
  #posting = Promise.resolve(); // ends with the last message that is being sent

  constructor(log, { messagesUrl, clientId }) {
    this.#log = log;
    this.#url = messagesUrl;
    this.#clientId = clientId;
  }

  get isEmpty() {
    return this.#waiting.size === 0;
  }

  /** Send a text. It is on the page at once. */
  send(text) {
    const message = { id: crypto.randomUUID(), from: this.#clientId, text };
    const item = itemOf({ data: message }, true);
    this.#waiting.set(message.id, item);
    this.#log.change(() => this.#list.append(item));
    this.#log.toEnd();
    this.#post(message, item);
  }

  /** Whether there is something that only this page has. */
  get hasUnsent() {
    return [...this.#waiting.values()].some((item) => item.dataset.state !== "sent");
  }

  /** Return the item of a message that has arrived, if it was here; it is no longer. */
  release({ id, from }) {
    const item = from === this.#clientId ? this.#waiting.get(id) : undefined;
    this.#waiting.delete(item && id);
    return item;
  }

  #post(message, item) {
    this.#say(item, "sending", "Sending");
    // One after the other, or the second might overtake the first.
    this.#posting = this.#posting.then(() => this.#postNow(message, item));
  }

  async #postNow(message, item) {
    try {
      await postJson(this.#url, message);
      if (this.#waiting.has(message.id)) this.#say(item, "sent", "Sent");
    } catch (error) {
      if (this.#waiting.has(message.id)) this.#offer(message, item, error);
    }
  }

  #offer(message, item, error) {
    const again = element("button", { type: "button", class: "again" }, "Try again");
    again.addEventListener("click", () => {
      this.#post({ ...message, again: true }, item);
      // The button goes, and would take the focus with it.
      document.getElementById("text").focus();
    });
    this.#say(item, "failed", element("span", { role: "alert" }, "Not sent. ", error.message), " ", again);
  }

  #say(item, state, ...words) {
    item.dataset.state = state;
    this.#log.change(() => item.querySelector(".meta").replaceChildren(...words));
  }
}
