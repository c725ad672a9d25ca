// The list of messages, newest first: bounded, filtered, paused, and drawn at most once a frame.

import { find, formatCount, setNotice, setText } from "./dom.js";
import { lineOf, matches, messageEntry, noteEntry } from "./lines.js";

const MOST = 1_000;
const HIDDEN_PAGE_MS = 1_000;

export class Feed {
  #list = find("feed");
  #entries = [];
  #undrawn = 0;
  #held = [];
  #leftOut = 0;
  #isPaused = false;
  #isScheduled = false;
  #needle = "";
  #isOpen = false;
  #isRead = false;

  constructor() {
    find("needle").addEventListener("input", (event) => this.#filter(event.target.value));
    find("pause").addEventListener("click", () => this.#pause(!this.#isPaused));
  }

  /** Empties the feed. While it stays empty *words*, and *command* where a channel is open, say what to do. */
  reset(words, command = "") {
    this.#isOpen = command !== "";
    this.#isRead = false;
    setText(find("feed-words"), words);
    setNotice(find("feed-command"), command);
    this.#entries = [];
    this.#held = [];
    this.#leftOut = 0;
    this.#pause(false);
    this.#drawAll();
  }

  /** Shows every message again, whatever was searched for. */
  clearFilter() {
    find("needle").value = "";
    this.#filter("");
  }

  history(messages) {
    this.#isRead = true;
    this.#entries = messages.slice(-MOST).map(messageEntry);
    const count = formatCount(messages.length, "message");
    if (messages.length) this.#entries.push(noteEntry(`${count} of history up to here`));
    this.#trim();
    this.#drawAll();
  }

  message(message) {
    this.#add(messageEntry(message));
  }

  note(text, isTrouble) {
    this.#add(noteEntry(text, isTrouble));
  }

  #add(entry) {
    if (this.#isPaused) {
      this.#held.push(entry);
      if (this.#held.length > MOST) this.#leftOut += this.#held.splice(0, 1).length;
    } else {
      this.#entries.push(entry);
      this.#undrawn += 1;
      this.#trim();
    }
    this.#schedule();
  }

  #trim() {
    for (const entry of this.#entries.splice(0, this.#entries.length - MOST)) entry.line?.remove();
    this.#undrawn = Math.min(this.#undrawn, this.#entries.length);
  }

  #pause(isPaused) {
    this.#isPaused = isPaused;
    if (!isPaused) {
      if (this.#leftOut) this.note(`${formatCount(this.#leftOut, "message")} left out while paused`, true);
      this.#leftOut = 0;
      for (const entry of this.#held.splice(0)) this.#add(entry);
    }
    find("pause").setAttribute("aria-pressed", String(isPaused));
    this.#count();
  }

  #filter(needle) {
    this.#needle = needle.trim().toLowerCase();
    this.#drawAll();
  }

  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const draw = () => {
      this.#isScheduled = false;
      this.#drawNew();
    };
    // A page that nobody sees gets no frames, and needs few.
    if (document.hidden) setTimeout(draw, HIDDEN_PAGE_MS);
    else requestAnimationFrame(draw);
  }

  #drawNew() {
    const fresh = this.#undrawn ? this.#entries.slice(-this.#undrawn) : [];
    this.#undrawn = 0;
    this.#list.prepend(...this.#lines(fresh));
    this.#count();
  }

  #drawAll() {
    this.#undrawn = 0;
    this.#list.replaceChildren(...this.#lines(this.#entries));
    this.#count();
  }

  #lines(entries) {
    return entries.filter((entry) => matches(entry, this.#needle)).map(lineOf).reverse();
  }

  #count() {
    const kept = this.#entries.filter((entry) => "id" in entry).length;
    const waiting = this.#held.length + this.#leftOut;
    const shown = this.#list.querySelectorAll(":scope > .message-line").length;
    setText(find("pause"), this.#isPaused ? `Resume (${waiting} new)` : "Pause");
    const some = kept && this.#needle ? `${shown} of ` : "";
    setNotice(find("feed-note"), this.#isOpen ? some + formatCount(kept, "message") : "");
    // Before its history was read nobody knows whether a channel is empty.
    find("feed-empty").hidden = kept > 0 || (this.#isOpen && !this.#isRead);
  }
}
