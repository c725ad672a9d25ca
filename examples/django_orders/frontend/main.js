// The board's page: fetches the state after each connection, applies what is newer, sends what is pressed.

import { LiveChannel } from "../../live_channel/live-channel.js";
import { csrfHeaders, getJson, postForm } from "./api.js";
import { Board } from "./board.js";
import { Notices } from "./notices.js";
import { People } from "./people.js";

const AGAIN_AFTER_MS = 2_000;
const root = document.getElementById("board");
const settings = root.dataset;
const notices = new Notices();
const people = new People(document.getElementById("people"));
const board = new Board(root, move);
let fetching = null;

const live = new LiveChannel({
  channel: settings.channel,
  tokenUrl: settings.tokenUrl,
  headers: csrfHeaders,
  presence: { name: settings.name },
});
live.on("connected", ({ renewed }) => {
  if (renewed) notices.renewed();
  refresh();
});
live.on("message", ({ event, data }) => {
  if (event !== "order.changed") return;
  const [order] = board.show([data.order]);
  if (order && order.changedBy !== settings.name) notices.say(`${order.changedBy}: ${isNow(order)}`);
});
live.on("presence", (event) => people.apply(event));
live.on("disconnected", () => notices.reconnecting());
live.on("ended", ({ message }) => end(message));

// The board is of use before the connection stands, and where the service is away.
refresh();

// A page that the browser kept for its back button has lost its connection, and perhaps its user.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
// Where the service was away while an order was saved, no message told of it.
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());

// Fetches the state. The answer of a fetch that is under way already may lack what changed since, so it is dropped.
async function refresh() {
  const mine = (fetching = {});
  people.expect();
  try {
    const state = await getJson(settings.stateUrl);
    if (fetching !== mine) return;
    // Another user signed in, in another tab.
    if (state.me !== settings.me) location.reload();
    board.show(state.orders);
    people.replace(state.present);
    // Not before: what is shown while there is no connection may be old.
    if (live.connected) notices.live();
  } catch (error) {
    if (fetching !== mine) return;
    if (error.status === 403) end(error.message);
    else setTimeout(() => fetching === mine && refresh(), AGAIN_AFTER_MS);
  }
}

async function move(order, status) {
  board.setBusy(order.id, true);
  try {
    const fields = { status, version: order.version };
    const saved = await postForm(settings.moveUrl.replace("/0/", `/${order.id}/`), fields);
    board.show([saved.order]);
    notices.say(isNow(saved.order));
  } catch (error) {
    if (error.status === 403) end(error.message);
    else if (error.order) showConflict(error.order);
    else notices.say(`#${order.number} was not changed: ${error.message}.`);
  } finally {
    board.setBusy(order.id, false);
  }
}

function showConflict(order) {
  board.show([order]);
  notices.say(`${order.changedBy ?? "Somebody"} was faster: ${isNow(order)} You changed nothing.`);
}

function isNow(order) {
  return `#${order.number} is ${board.labelOf(order.status).toLowerCase()} now.`;
}

function end(message) {
  live.close();
  fetching = null;
  // Whoever may not see orders any more does not go on to see them.
  root.hidden = true;
  people.replace([]);
  notices.ended(message);
}
