// What the feed shows: a line for a message, which opens to all of it, and lines between messages.

import { formatTime, make, makeValue, shorten } from "./dom.js";
import { mayBeRounded, parse, write } from "./json.js";

/** Keeps of a message what its line needs, with the data as text. */
export function messageEntry(message) {
  return { id: message.id, event: message.event, at: message.publishedAt, data: write(message.data), line: null };
}

/** A line of the page's own between messages; `isTrouble` marks what people should not pass over. */
export function noteEntry(text, isTrouble = false) {
  return { note: text, isTrouble, line: null };
}

/** Tells whether an entry is to be seen; *needle* is in lower case. */
export function matches(entry, needle) {
  return !needle || "note" in entry || `${entry.event}\n${entry.data}`.toLowerCase().includes(needle);
}

/** Makes an entry's element, once. */
export function lineOf(entry) {
  entry.line ??= "note" in entry ? noteLine(entry) : messageLine(entry);
  return entry.line;
}

function noteLine(entry) {
  const line = make("li", entry.isTrouble ? "note-line trouble-line" : "note-line");
  line.append(makeValue("", entry.note));
  return line;
}

function messageLine(entry) {
  const summary = make("summary", "");
  summary.append(make("time", "", formatTime(entry.at)), makeValue("event", entry.event));
  summary.append(makeValue("data", shorten(entry.data)));
  const details = make("details", "", summary);
  // Most are never opened, and a message may be 64 KiB.
  details.addEventListener("toggle", () => details.append(whole(entry)), { once: true });
  return make("li", "message-line", details);
}

function whole(entry) {
  const facts = make("p", "facts", makeValue("", entry.event));
  facts.append(" · ", makeValue("", entry.id), " · ", makeValue("", entry.at));
  const data = make("pre", "");
  data.textContent = write(parse(entry.data), 2);
  data.tabIndex = 0;
  const body = make("div", "whole", facts, data);
  if (mayBeRounded(entry.data)) body.append(make("p", "problem", "This browser rounds numbers of over 15 digits."));
  return body;
}
