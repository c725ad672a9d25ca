// Who is here, who came and went a moment ago, and who is typing.

import { element } from "./element.js";
import { avatarOf, nameOf, personOf } from "./person.js";

const NOTICE_MS = 4_000;
const DOUBT_MS = 15_000; // the service gives whoever lost the connection the same time

export class People {
  #list = document.getElementById("people");
  #notice = document.getElementById("notice");
  #me;
  #members = new Map(); // by client id, in the order in which they came: {person, isTyping}
  #changes = null; // those that came while the whole was being fetched
  #news = "";
  #newsTimer;
  #doubtTimer;

  constructor(clientId) {
    this.#me = clientId;
    document.getElementById("me").replaceChildren(...portraitOf(personOf(clientId)));
  }

  /** Begin to fetch the whole. What changes from now on is newer than what will be fetched. */
  expect() {
    this.#changes = [];
  }

  /** Take the whole: a list of {clientId, data}. */
  replace(present) {
    const before = this.#members;
    this.#members = new Map(present.map((member) => [member.clientId, memberOf(member)]));
    // After an interruption the others may be about to come back, as this page does.
    const missing = [...before].filter(([clientId]) => !this.#members.has(clientId));
    for (const [clientId, member] of missing) {
      this.#members.set(clientId, { ...member, isTyping: false, isDoubtful: true });
    }
    for (const change of this.#changes ?? []) this.#change(change);
    this.#changes = null;
    clearTimeout(this.#doubtTimer);
    this.#doubtTimer = setTimeout(() => this.#dropDoubtful(), DOUBT_MS);
    this.#draw();
  }

  /** Take one change: a `presence` event. */
  apply(change) {
    this.#changes?.push(change);
    const { name } = personOf(change.clientId);
    const isNew = !this.#members.has(change.clientId);
    this.#change(change);
    if (change.clientId !== this.#me && change.action === "leave" && !isNew) this.#tell(`${name} left`);
    if (change.clientId !== this.#me && change.action === "enter" && isNew) this.#tell(`${name} joined`);
    this.#draw();
  }

  #change(change) {
    if (change.action === "leave") this.#members.delete(change.clientId);
    else this.#members.set(change.clientId, memberOf(change));
  }

  #dropDoubtful() {
    for (const [clientId, { isDoubtful }] of this.#members) if (isDoubtful) this.#members.delete(clientId);
    this.#draw();
  }

  #tell(news) {
    clearTimeout(this.#newsTimer);
    this.#news = news;
    this.#newsTimer = setTimeout(() => {
      this.#news = "";
      this.#draw();
    }, NOTICE_MS);
  }

  #draw() {
    const there = new Map([...this.#list.children].map((item) => [item.dataset.clientId, item]));
    const items = [...this.#members].map(([clientId, member]) => {
      const item = there.get(clientId) ?? this.#itemOf(member.person);
      item.classList.toggle("typing", member.isTyping);
      return item;
    });
    this.#list.replaceChildren(...items);
    const others = [...this.#members.values()].filter(({ person }) => person.clientId !== this.#me);
    const typing = others.filter(({ isTyping }) => isTyping).map(({ person }) => person.name);
    this.#notice.textContent = typing.length > 0 ? typingText(typing) : this.#news;
    this.#notice.classList.toggle("typing", typing.length > 0);
  }

  #itemOf(person) {
    const item = element("li", { class: "person", title: `${person.name} ${person.tag}` }, ...portraitOf(person));
    if (person.clientId === this.#me) item.querySelector(".tag").replaceWith(element("small", { class: "you" }, "you"));
    item.dataset.clientId = person.clientId;
    return item;
  }
}

function memberOf({ clientId, data }) {
  // Presence data is what a browser says of itself: of it nothing is taken but a boolean.
  return { person: personOf(clientId), isTyping: data?.typing === true, isDoubtful: false };
}

function portraitOf(person) {
  return [avatarOf(person), nameOf(person)];
}

function typingText(names) {
  if (names.length > 2) return "Several people are typing";
  return `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing`;
}
