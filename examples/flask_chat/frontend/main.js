// A room: connects, reads on where it left off, shows what comes, sends what is written.

import { LiveChannel } from "../../live_channel/live-channel.js";
import { getJson } from "./api.js";
import { Composer } from "./composer.js";
import { Log, itemOf, setTime } from "./log.js";
import { Outbox } from "./outbox.js";
import { People } from "./people.js";
import { Timeline } from "./timeline.js";

const PAGE = 50;
const MOST = 1_000; // that the service hands out at a time
const AGAIN_AFTER_MS = 2_000;
const WORDS = { live: "Live", reconnecting: "Reconnecting", ended: "Ended" };

const settings = document.getElementById("room").dataset;
const parts = ["status", "ended", "empty", "earlier"].map((id) => document.getElementById(id));
const [status, ended, empty, earlier] = parts;
const timeline = new Timeline();
const log = new Log();
const outbox = new Outbox(log, settings);
const people = new People(settings.clientId);
let reading = null; // the present catching up, or the last one
let asked = PAGE; // how many of the newest messages

const live = new LiveChannel({ channel: settings.channel, tokenUrl: settings.tokenUrl, presence: { typing: false } });
live.on("connected", () => {
  say("live");
  catchUp();
});
live.on("message", (message) => {
  const index = timeline.takeLive(message);
  if (index >= 0) log.change(() => show(message, index));
});
live.on("presence", (change) => people.apply(change));
live.on("disconnected", () => {
  timeline.interrupt();
  say("reconnecting");
});
live.on("ended", ({ message }) => end(message));

const composer = new Composer(
  Number(settings.maxText),
  (text) => {
    outbox.send(text);
    empty.hidden = true;
  },
  (typing) => live.updatePresence({ typing }),
);
earlier.addEventListener("click", showEarlier);
// A page that the browser kept for its back button has lost its connection, and perhaps its person.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
// Until the next page is there, this one would ask for tokens that it no longer gets.
document.getElementById("leave").addEventListener("submit", () => outbox.hasUnsent || stop());
addEventListener("beforeunload", (event) => outbox.hasUnsent && event.preventDefault());

// Reads what was said since the last message without a hole before it, and who is here. Only the newest call goes on.
async function catchUp() {
  const mine = (reading = {});
  people.expect();
  timeline.interrupt();
  try {
    await readMessages(() => reading === mine);
    if (reading !== mine) return;
    const { people: present } = await getJson(settings.peopleUrl);
    if (reading === mine) people.replace(present);
  } catch (error) {
    if (reading !== mine) return;
    if (error.status === 403) end(error.message);
    else setTimeout(() => reading === mine && catchUp(), AGAIN_AFTER_MS);
  }
}

async function readMessages(isWanted) {
  const isFirst = timeline.knownTo === null;
  let more = true;
  while (more) {
    const after = timeline.knownTo;
    const answer = await getJson(settings.messagesUrl, after === null ? { limit: PAGE } : { limit: MOST, after });
    if (!isWanted()) return;
    // The first time, what there is more of lies before.
    more = after !== null && answer.more;
    if (isFirst) earlier.hidden = !answer.more;
    log.change(() => timeline.takeHistory(answer.messages, more, show), { isQuiet: isFirst });
  }
  empty.hidden = timeline.size > 0 || !outbox.isEmpty;
}

async function showEarlier() {
  earlier.disabled = true;
  asked = Math.min(Math.max(asked, timeline.size) + PAGE, MOST);
  try {
    const { messages, more } = await getJson(settings.messagesUrl, { limit: asked });
    log.change(() => timeline.takeEarlier(messages, show), { isQuiet: true });
    earlier.hidden = !more || asked === MOST;
  } catch {
    // The button stays, to be pressed again.
  }
  earlier.disabled = false;
}

function show(message, index) {
  empty.hidden = true;
  const sent = outbox.release(message.data);
  if (sent) setTime(sent, message.publishedAt);
  log.put(sent ?? itemOf(message, message.data.from === settings.clientId), index);
}

function say(state) {
  status.dataset.state = state;
  // Unchanged text would be read out again.
  if (status.textContent !== WORDS[state]) status.textContent = WORDS[state];
}

function stop() {
  reading = null;
  live.close();
}

function end(message) {
  stop();
  composer.close();
  say("ended");
  const sentence = message.replace(/\.?$/, ".");
  ended.querySelector("span").textContent = `${sentence[0].toUpperCase()}${sentence.slice(1)}`;
  ended.hidden = false;
}
