// Who is present on the open channel.

import { find, formatCount, formatTime, make, makeValue, setText, shorten } from "./dom.js";
import { write } from "./json.js";

const MOST_SHOWN = 200;

export class Members {
  #members = new Map();
  #words = "";
  #isScheduled = false;

  /** Empties the list and says why, until the whole list is known. */
  clear(words) {
    this.#members.clear();
    this.#words = words;
    this.#draw();
  }

  replace(members) {
    this.#members = new Map(members.map((each) => [each.clientId, each]));
    this.#words = "";
    this.#draw();
  }

  /** Takes a presence frame. One that the list has already changes nothing. */
  apply(frame) {
    if (frame.action === "leave") {
      this.#members.delete(frame.clientId);
    } else {
      const joinedAt = this.#members.get(frame.clientId)?.joinedAt ?? frame.at;
      this.#members.set(frame.clientId, { clientId: frame.clientId, data: frame.data, joinedAt });
    }
    this.#schedule();
  }

  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#draw();
    });
  }

  #draw() {
    const shown = [...this.#members.values()].slice(0, MOST_SHOWN);
    find("members").replaceChildren(...shown.map(memberLine));
    const count = this.#members.size;
    const part = count > MOST_SHOWN ? `, the first ${MOST_SHOWN} are shown` : "";
    const known = count ? `${formatCount(count, "member")}${part}` : "Nobody is present.";
    // Frames alone tell of those who move, not of all who are there.
    setText(find("members-note"), this.#words || known);
  }
}

function memberLine(member) {
  const line = make("li", "member", makeValue("client", member.clientId));
  line.append(make("time", "", formatTime(member.joinedAt)));
  const data = write(member.data);
  if (data !== "null") line.append(makeValue("data", shorten(data)));
  return line;
}
