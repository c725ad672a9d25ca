// Somebody, as a client id names them: "Ada#k3x9pm" is Ada, and the tag tells her from any other Ada.
//
// The client id comes from Flask, in messages and through the token, so that nobody can pretend to be somebody else.

import { element } from "./element.js";

const HUES = 12;

export function personOf(clientId) {
  const at = clientId.lastIndexOf("#");
  const [name, tag] = at > 0 ? [clientId.slice(0, at), clientId.slice(at + 1)] : [clientId, ""];
  return { clientId, name, tag };
}

/** A circle with initials; its colour stays the same for the same person. */
export function avatarOf({ clientId, name }) {
  return element("span", { class: `avatar hue-${hueOf(clientId)}`, "aria-hidden": "true" }, initialsOf(name));
}

/** The name with its tag. */
export function nameOf({ name, tag }) {
  const [called, small] = [element("span", { class: "called" }, name), element("small", { class: "tag" }, tag)];
  return element("span", { class: "name" }, called, " ", small);
}

// FNV-1a: those whose names begin alike should not look alike.
function hueOf(clientId) {
  let hash = 2_166_136_261;
  for (const letter of clientId) hash = Math.imul(hash ^ letter.codePointAt(0), 16_777_619) >>> 0;
  return (hash >>> 8) % HUES;
}

function initialsOf(name) {
  const words = name.split(/[\s.\-_]+/).filter(Boolean);
  const letters = (words.length > 1 ? [words[0], words.at(-1)] : [words[0] ?? "?"]).map((word) => [...word][0]);
  return letters.join("").toUpperCase();
}
