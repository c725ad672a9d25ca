// The messages on the page: bubbles by person and day, and the reader's place among them.

import { element } from "./element.js";
import { avatarOf, nameOf, personOf } from "./person.js";

const TOGETHER_MS = 5 * 60_000;
const NEAR_PX = 80;
const DAY_MS = 86_400_000;
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const inFull = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** A message as an item of a list; without a time it is one that is still to be sent. */
export function itemOf({ data, publishedAt }, isMine) {
  const person = personOf(data.from);
  const item = element("li", { class: isMine ? "message mine" : "message" });
  item.dataset.from = data.from;
  const meta = element("p", { class: "meta" });
  const text = element("p", { class: "text", dir: "auto" }, data.text);
  const heading = element("p", { class: "heading" }, isMine ? "You" : nameOf(person));
  item.append(
    element("p", { class: "day" }),
    avatarOf(person),
    element("div", { class: "bubble" }, heading, text, meta),
  );
  if (publishedAt) setTime(item, publishedAt);
  return item;
}

/** Say when a message was published, in place of what was said of its sending. */
export function setTime(item, publishedAt) {
  const at = new Date(publishedAt);
  item.dataset.at = at.getTime();
  delete item.dataset.state;
  const time = element("time", { datetime: publishedAt, title: inFull.format(at) }, clock.format(at));
  item.querySelector(".meta").replaceChildren(time);
}

export class Log {
  #list = document.getElementById("messages");
  #region = document.getElementById("log");
  #scroll = document.getElementById("scroll");
  #newest = document.getElementById("newest");
  #isAtEnd = true;

  constructor() {
    this.#scroll.addEventListener("scroll", () => this.#look());
    this.#newest.addEventListener("click", () => this.toEnd());
    // A keyboard on the screen, or a composer that grows, takes room away from what is read.
    new ResizeObserver(() => this.#isAtEnd && this.toEnd()).observe(this.#scroll);
  }

  /** Make a change; who reads the end goes on reading the end, who reads further up stays there. */
  change(make, { isQuiet = false } = {}) {
    const { scrollHeight, scrollTop } = this.#scroll;
    const { firstElementChild: first, lastElementChild: last } = this.#list;
    this.#region.setAttribute("aria-busy", String(isQuiet));
    make();
    this.#arrange();
    if (this.#isAtEnd) this.toEnd();
    else if (this.#list.lastElementChild !== last) this.#newest.hidden = false;
    else if (this.#list.firstElementChild !== first) {
      this.#scroll.scrollTop = scrollTop + this.#scroll.scrollHeight - scrollHeight;
    }
    if (isQuiet) requestAnimationFrame(() => this.#region.setAttribute("aria-busy", "false"));
  }

  /** Put an item where it belongs among the messages. */
  put(item, index) {
    this.#list.insertBefore(item, this.#list.children[index] ?? null);
  }

  toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#isAtEnd = true;
    this.#newest.hidden = true;
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (this.#isAtEnd) this.#newest.hidden = true;
  }

  // Says the day where it changes, and the name where another person goes on.
  #arrange() {
    let before = null;
    for (const item of this.#list.children) {
      const at = Number(item.dataset.at);
      const isNewDay = before === null || startOfDay(at) !== startOfDay(Number(before.dataset.at));
      const [label, word] = [item.querySelector(".day"), isNewDay ? wordOf(at) : ""];
      // Unchanged text would be read out again.
      if (label.textContent !== word) label.textContent = word;
      const goesOn = !isNewDay && before.dataset.from === item.dataset.from && at - before.dataset.at < TOGETHER_MS;
      item.classList.toggle("goes-on", goesOn);
      before = item;
    }
  }
}

function startOfDay(at) {
  return new Date(at).setHours(0, 0, 0, 0);
}

function wordOf(at) {
  const days = Math.round((startOfDay(Date.now()) - startOfDay(at)) / DAY_MS);
  return ["Today", "Yesterday"][days] ?? day.format(at);
}
