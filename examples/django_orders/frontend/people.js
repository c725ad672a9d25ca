// The avatars of who looks at the page: one a user, however many windows that user has.

import { element } from "./element.js";

const MOST = 6;
const GOLDEN_ANGLE = 137.5;

export class People {
  #list;
  #members = new Map(); // name by client id, in the order in which they came
  #since = null; // the changes that came while the whole was being fetched

  constructor(list) {
    this.#list = list;
  }

  /** Begin to fetch the whole. What changes from now on is newer than what will be fetched. */
  expect() {
    this.#since = [];
  }

  /** Take the whole: a list of {clientId, data}. */
  replace(members) {
    this.#members = new Map(members.map(({ clientId, data }) => [clientId, nameOf(data)]));
    for (const event of this.#since ?? []) this.#change(event);
    this.#since = null;
    this.#draw();
  }

  /** Take one change: a `presence` event. */
  apply(event) {
    this.#since?.push(event);
    this.#change(event);
    this.#draw();
  }

  #change({ action, clientId, data }) {
    if (action === "leave") this.#members.delete(clientId);
    else this.#members.set(clientId, nameOf(data));
  }

  #draw() {
    const shown = [...this.#members].slice(0, MOST);
    const more = this.#members.size - shown.length;
    const there = new Map([...this.#list.children].map((each) => [each.dataset.id, each]));
    // Those who are there already stay as they are, so that nothing flickers.
    const avatars = shown.map(([id, name]) => {
      const avatar = there.get(id);
      return avatar?.title === name ? avatar : avatarOf(id, name);
    });
    if (more > 0) avatars.push(element("li", { class: "avatar more" }, `+${more}`));
    for (const each of [...this.#list.children]) if (!avatars.includes(each)) each.remove();
    avatars.forEach((avatar, at) => {
      if (this.#list.children[at] !== avatar) this.#list.insertBefore(avatar, this.#list.children[at] ?? null);
    });
  }
}

function nameOf(data) {
  return String(data?.name || "?");
}

function avatarOf(id, name) {
  const initials = name.split(/\s+/).map((word) => [...word][0] ?? "");
  const letters = [initials[0], initials.length > 1 ? initials.at(-1) : ""].join("").toUpperCase();
  const avatar = element("li", { class: "avatar", title: name, "data-id": id });
  avatar.append(element("span", { "aria-hidden": "true" }, letters), element("span", { class: "unseen" }, name));
  avatar.style.setProperty("--hue", String(Math.round(hashOf(id) * GOLDEN_ANGLE) % 360));
  return avatar;
}

// Neighbours among ids get colours far apart.
function hashOf(id) {
  return [...id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 100_003, 7);
}
