// Finds, makes and fills elements. Values go in as text and as nothing else.

const GLANCE_CHARACTERS = 300;

export function find(id) {
  return document.getElementById(id);
}

/** Makes an element with a class and, as text or as elements, what is in it. */
export function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Makes an element for a value of any length and direction, which cannot disturb what stands beside it. */
export function makeValue(className, text) {
  const made = make("bdi", className);
  made.textContent = text;
  return made;
}

/** Cuts a long text, so that a value of 64 KiB is no burden where it is only glanced at. */
export function shorten(text) {
  return text.length > GLANCE_CHARACTERS ? `${text.slice(0, GLANCE_CHARACTERS)}…` : text;
}

/** Sets a text, leaving the page alone where it is the same already. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets a text in an element that is there only while there is one. */
export function setNotice(node, text) {
  setText(node, text);
  node.hidden = !text;
}

const numbers = new Intl.NumberFormat("en");
const times = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const days = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit" });

export function formatCount(count, noun) {
  return `${numbers.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Writes messages a second: with a decimal while there are few. */
export function formatRate(rate) {
  if (rate === 0) return "0";
  return rate < 10 ? Math.max(rate, 0.1).toFixed(1) : numbers.format(Math.round(rate));
}

/** Writes a time of the wire in the reader's own zone, with its day where that is not today. */
export function formatTime(iso) {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return String(iso);
  const day = days.format(moment);
  const time = `${times.format(moment)}.${String(moment.getMilliseconds()).padStart(3, "0")}`;
  return day === days.format(new Date()) ? time : `${day} ${time}`;
}
