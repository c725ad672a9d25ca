// JSON as it was written: numbers keep all of their digits, and a text that is not JSON is told by its place.

const KEEPS_DIGITS = typeof JSON.rawJSON === "function";
const MANY_DIGITS = /\d[\d.]{15,}/;
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SPACE = /[\t\n\r ]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/;
const TOKEN = new RegExp(String.raw`[{}[\],:]|${STRING.source}|${NUMBER.source}|true|false|null`, "y");
const CLOSE = { "{": "}", "[": "]" };
const MAY_CLOSE = new Set(["value or end", "key or end", "separator"]);

/** Reads JSON. A number that a double cannot hold comes as what `JSON.stringify` writes again digit by digit. */
export function parse(text) {
  if (!KEEPS_DIGITS || !MANY_DIGITS.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, { source }) =>
    typeof value === "number" && String(value) !== source ? JSON.rawJSON(source) : value,
  );
}

/**
 * Writes JSON to be read by people. Characters that turn the direction of what follows them are escaped, since they
 * could make it look like something else.
 */
export function write(value, indent) {
  return JSON.stringify(value ?? null, null, indent).replace(TURNS, escapeCharacter);
}

/** Tells whether a text that was parsed and written again may show other digits: only in browsers of before 2025. */
export function mayBeRounded(text) {
  return !KEEPS_DIGITS && MANY_DIGITS.test(text);
}

/** Says where a text stops being JSON and why; `null` where it is JSON. */
export function findProblem(text) {
  const open = [];
  let expected = "value";
  let at = skipSpace(text, 0);
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    const next = token === undefined ? null : step(expected, token, open);
    if (next === null) return describe(text, at, expected, open);
    expected = next;
    at = skipSpace(text, at + token.length);
  }
  return expected === "end" ? null : describe(text, at, expected, open);
}

function escapeCharacter(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function skipSpace(text, at) {
  SPACE.lastIndex = at;
  SPACE.exec(text);
  return SPACE.lastIndex;
}

// What is expected after a token; null where the token must not stand there.
function step(expected, token, open) {
  if (token === CLOSE[open.at(-1)] && MAY_CLOSE.has(expected)) {
    open.pop();
    return afterValue(open);
  }
  switch (expected) {
    case "value":
    case "value or end":
      return begin(token, open);
    case "key":
    case "key or end":
      return token.startsWith('"') ? "colon" : null;
    case "colon":
      return token === ":" ? "value" : null;
    case "separator":
      if (token !== ",") return null;
      return open.at(-1) === "{" ? "key" : "value";
    default:
      return null;
  }
}

function begin(token, open) {
  if (token in CLOSE) {
    open.push(token);
    return token === "{" ? "key or end" : "value or end";
  }
  return "}],:".includes(token) ? null : afterValue(open);
}

function afterValue(open) {
  return open.length ? "separator" : "end";
}

function describe(text, at, expected, open) {
  const before = text.slice(0, at).split("\n");
  const wanted = {
    value: "a value",
    "value or end": "a value or ]",
    key: "a key in double quotes",
    "key or end": "a key in double quotes or }",
    colon: "a colon",
    separator: `a comma or ${CLOSE[open.at(-1)]}`,
    end: "nothing more",
  }[expected];
  const found = at >= text.length ? "the end" : shown(text, at);
  return `line ${before.length}, column ${before.at(-1).length + 1}: expected ${wanted}, found ${found}`;
}

function shown(text, at) {
  if (text[at] === '"') return "a string that does not end, or holds what must be escaped";
  return text.slice(at, at + 20).match(/^[\w.+-]+|^./su)[0];
}
