// The form that publishes.

import { find, formatTime, setNotice, setText } from "./dom.js";
import { findProblem } from "./json.js";

export class PublishForm {
  #api = null;
  #form = find("publish");

  constructor() {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#publish();
    });
    find("publish-data").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#form.requestSubmit();
    });
  }

  /** Starts with a fresh form; *lack* says why it cannot be used, where it cannot. */
  open(api, lack) {
    this.#api = api;
    this.#form.reset();
    this.#say("", "");
    setNotice(find("publish-lack"), lack);
    for (const control of this.#form.elements) control.disabled = Boolean(lack);
  }

  fillChannel(channel) {
    find("publish-channel").value = channel;
  }

  async #publish() {
    this.#say("", "");
    const data = find("publish-data").value;
    const problem = data.trim() && findProblem(data);
    if (problem) {
      this.#say(`The data is not JSON: ${problem}.`, "");
      find("publish-data").focus();
      return;
    }
    const api = this.#api;
    try {
      const channel = find("publish-channel").value.trim();
      const sent = await api.publish(channel, find("publish-event").value, data.trim() ? data : null);
      if (!api.isClosed) this.#say("", `Published to ${sent.channel} at ${formatTime(sent.publishedAt)}`);
    } catch (error) {
      if (!api.isClosed) this.#say(error.message, "");
    }
  }

  #say(problem, done) {
    setText(find("publish-problem"), problem);
    setText(find("publish-done"), done);
  }
}
