// The cards in their columns: what is newer than what is shown takes its place.

import { element } from "./element.js";
import { glide } from "./glide.js";

const money = new Intl.NumberFormat(undefined, { style: "currency", currency: "EUR" });
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const CHANGED_MS = 2_500;

export class Board {
  #root;
  #columns;
  #onMove;
  #shown = new Map(); // by id: {order, card}

  /**
   * @param {HTMLElement} root - holds the columns, each with data-status and data-label
   * @param {(order: object, status: string) => void} onMove - somebody pressed a button of a card
   */
  constructor(root, onMove) {
    this.#root = root;
    this.#columns = [...root.querySelectorAll(".column")];
    this.#onMove = onMove;
    // A key that is held down would push an order through all columns.
    root.addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && event.preventDefault());
  }

  /**
   * Show orders as they are now, those that moved with an animation. Older versions change nothing.
   * @returns {object[]} those that were newer
   */
  show(orders) {
    const newer = orders.filter((order) => order.version > (this.#shown.get(order.id)?.order.version ?? 0));
    if (newer.length > 0) {
      glide([...this.#root.querySelectorAll(".card")], () => newer.forEach((order) => this.#place(order)));
      this.#count();
    }
    return newer;
  }

  /** The label of a status. */
  labelOf(status) {
    return this.#columnOf(status).dataset.label;
  }

  /** Whether an order is being saved: its buttons wait. */
  setBusy(id, busy) {
    const { card } = this.#shown.get(id);
    card.setAttribute("aria-busy", String(busy));
    // Not disabled, which would take the focus away.
    for (const button of card.querySelectorAll("button")) button.setAttribute("aria-disabled", String(busy));
  }

  #place(order) {
    const before = this.#shown.get(order.id)?.card;
    const hadFocus = before?.contains(document.activeElement);
    const card = before ?? element("li", { class: "card", id: `order-${order.id}` });
    card.replaceChildren(...this.#contents(order));
    this.#shown.set(order.id, { order, card });
    const list = this.#columnOf(order.status).querySelector(".cards");
    const next = [...list.children].find((other) => other !== card && this.#isOlder(other, order));
    list.insertBefore(card, next ?? null);
    if (hadFocus) card.querySelector("button").focus({ preventScroll: true });
    if (before) {
      card.classList.add("changed");
      setTimeout(() => card.classList.remove("changed"), CHANGED_MS);
    }
  }

  #contents(order) {
    const at = this.#columns.indexOf(this.#columnOf(order.status));
    const changed = timeOf(order);
    return [
      element("h3", {}, `#${order.number}`, element("span", { class: "total" }, money.format(order.total))),
      element("p", { class: "customer" }, order.customer),
      element("p", { class: "items" }, order.items),
      element("p", { class: "changed-by" }, order.changedBy ? `${order.changedBy}, ${changed}` : changed),
      element(
        "div",
        { class: "moves" },
        this.#button(order, this.#columns[at + 1], "primary", "Mark"),
        this.#button(order, this.#columns[at - 1], "quiet", "Back to"),
      ),
    ];
  }

  #button(order, column, kind, verb) {
    if (!column) return "";
    const text = `${verb} ${column.dataset.label.toLowerCase()}`;
    const button = element("button", { class: kind, type: "button", "aria-label": `${text}: #${order.number}` }, text);
    button.addEventListener("click", ({ detail }) => {
      // By the second click of a double click, another card may lie under the pointer.
      if (detail < 2 && button.getAttribute("aria-disabled") !== "true") this.#onMove(order, column.dataset.status);
    });
    return button;
  }

  #columnOf(status) {
    return this.#columns.find((column) => column.dataset.status === status);
  }

  #isOlder(card, order) {
    const other = [...this.#shown.values()].find((each) => each.card === card).order;
    return other.changedAt < order.changedAt;
  }

  #count() {
    for (const column of this.#columns) {
      column.querySelector(".count").textContent = column.querySelectorAll(".card").length;
    }
  }
}

function timeOf({ changedAt }) {
  const at = new Date(changedAt);
  return (at.toDateString() === new Date().toDateString() ? time : dayAndTime).format(at);
}
