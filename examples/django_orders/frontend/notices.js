// What the page says of itself: the state of its connection, what was just done, that it is over.

const SHOWN_MS = 6_000;

export class Notices {
  #status = document.getElementById("status");
  #toast = document.getElementById("toast");
  #ended = document.getElementById("ended");
  #renewals = 0;
  #timer;

  live() {
    this.#state("live", "Live");
  }

  renewed() {
    this.#renewals += 1;
    this.#status.title = `The token was renewed ${this.#renewals} times`;
  }

  reconnecting() {
    this.#state("reconnecting", "Reconnecting");
  }

  ended(message) {
    this.#state("ended", "Ended");
    this.#ended.querySelector("span").textContent = `${message[0].toUpperCase()}${message.slice(1)}.`;
    this.#ended.hidden = false;
  }

  say(text) {
    clearTimeout(this.#timer);
    this.#toast.textContent = text;
    this.#timer = setTimeout(() => (this.#toast.textContent = ""), SHOWN_MS);
  }

  #state(state, text) {
    this.#status.dataset.state = state;
    // Unchanged text would be read out again.
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }
}
