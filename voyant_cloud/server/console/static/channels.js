// The list of channels: filtered, ordered, walked with the arrow keys.

import { find, formatCount, formatRate, formatTime, make, makeValue, setText } from "./dom.js";

const ASK_AFTER_MS = 200;
const ORDERS = {
  name: (one, other) => (one.channel < other.channel ? -1 : 1),
  newest: (one, other) => (other.lastAt ?? "").localeCompare(one.lastAt ?? "") || ORDERS.name(one, other),
  busiest: (one, other) => other.rate - one.rate || ORDERS.newest(one, other),
};
const STEPS = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  Home: () => 0,
  End: (_, count) => count - 1,
};

export class ChannelList {
  #list = find("channel-list");
  #rows = new Map();
  #told;
  #opened = null;
  #asking = 0;

  /** @param told `open(channel)`, and `ask()`, which wants the list anew. */
  constructor(told) {
    this.#told = told;
    find("prefix").addEventListener("input", () => this.#askSoon());
    find("order").addEventListener("change", () => told.ask());
    find("channel-search").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.prefix) told.open(this.prefix);
    });
    this.#list.addEventListener("keydown", (event) => this.#walk(event));
  }

  get prefix() {
    return find("prefix").value.trim();
  }

  /** Shows an answer of the server, each channel with its `rate` added. */
  show(channels, hasMore) {
    const names = new Set(channels.map((each) => each.channel));
    for (const [name, row] of this.#rows) if (!names.has(name)) this.#remove(name, row);
    for (const each of channels) this.#fill(each);
    this.#arrange([...channels].sort(ORDERS[find("order").value]).map((each) => each.channel));
    const count = formatCount(channels.length, "channel");
    const most = `The ${count} used last. There are more: narrow them with “Begins with”.`;
    this.say(hasMore ? most : this.#countWords(channels.length));
    find("no-channels").hidden = channels.length > 0 || this.prefix !== "";
  }

  say(words) {
    setText(find("channels-note"), words);
  }

  /** Marks the channel that is open. */
  mark(channel) {
    this.#opened = channel;
    for (const [name, row] of this.#rows) this.#markRow(name, row);
    this.#makeOneReachable();
  }

  clear() {
    this.#rows.clear();
    this.#opened = null;
    this.#list.replaceChildren();
    find("channel-search").reset();
    find("no-channels").hidden = true;
    this.say("");
  }

  /** Goes to the list, and tells whether there was a channel to go to. */
  focus() {
    const row = this.#list.querySelector('[tabindex="0"]');
    row?.focus();
    return row !== null;
  }

  #countWords(count) {
    if (count || !this.prefix) return count ? formatCount(count, "channel") : "";
    return "No channel begins with that. Enter opens the one of exactly that name.";
  }

  #askSoon() {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => this.#told.ask(), ASK_AFTER_MS);
  }

  #fill(channel) {
    const row = this.#rows.get(channel.channel) ?? this.#add(channel.channel);
    const facts = [formatCount(channel.published, "message"), formatCount(channel.subscribers, "subscriber")];
    setText(row.rate, `${formatRate(channel.rate)}/s`);
    row.rate.classList.toggle("idle", channel.rate === 0);
    setText(row.facts, facts.join(" · "));
    setText(row.last, channel.lastAt === null ? "" : formatTime(channel.lastAt).replace(/\.\d+$/, ""));
  }

  #add(name) {
    const rate = make("span", "rate");
    const facts = make("span", "facts");
    const last = make("time", "last");
    const button = make("button", "channel", makeValue("name", name), rate, facts, last);
    button.type = "button";
    button.tabIndex = -1;
    button.addEventListener("click", () => this.#told.open(name));
    button.addEventListener("focus", () => this.#makeReachable(button));
    const row = { item: make("li", "", button), button, rate, facts, last };
    this.#rows.set(name, row);
    this.#markRow(name, row);
    return row;
  }

  #remove(name, row) {
    row.item.remove();
    this.#rows.delete(name);
  }

  #markRow(name, row) {
    if (name === this.#opened) row.button.setAttribute("aria-current", "true");
    else row.button.removeAttribute("aria-current");
  }

  // Rows that change places while somebody is about to press one are a trap: those stay where they are.
  #arrange(names) {
    const isInUse = find("order").value !== "name" && this.#list.matches(":hover, :focus-within");
    let next = this.#list.firstElementChild;
    for (const name of names) {
      const item = this.#rows.get(name).item;
      if (item === next) next = next.nextElementSibling;
      else if (!isInUse) this.#list.insertBefore(item, next);
      else if (!item.isConnected) this.#list.append(item);
    }
    this.#makeOneReachable();
  }

  // Tab enters the list at one row, the arrows go on from there.
  #makeOneReachable() {
    if (this.#list.querySelector('[tabindex="0"]')) return;
    const first = this.#rows.get(this.#opened)?.button ?? this.#list.querySelector("button");
    if (first) first.tabIndex = 0;
  }

  #makeReachable(button) {
    for (const other of this.#list.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    button.tabIndex = 0;
  }

  #walk(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.#list.querySelectorAll("button")];
    const to = step(buttons.indexOf(document.activeElement), buttons.length);
    buttons[Math.min(Math.max(to, 0), buttons.length - 1)]?.focus();
  }
}
