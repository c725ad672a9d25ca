// What is there once somebody has signed in: the channels, which are polled, and the one that is open.

import { channelPath, serverUrl } from "./api.js";
import { ChannelList } from "./channels.js";
import { find, makeValue, setNotice, setText } from "./dom.js";
import { Feed } from "./feed.js";
import { Follower } from "./follower.js";
import { Members } from "./members.js";
import { Plot } from "./plot.js";
import { PublishForm } from "./publish.js";
import { Rates } from "./rates.js";

const POLL_EVERY_MS = 1_000;
const FIRST_CHANNEL = "orders:eu";
const PREFIX = /^[A-Za-z0-9_:.,;=@-]{0,200}$/;
const NO_PREFIX = "no channel's name begins with it: a channel name has A-Z a-z 0-9 _ : . , ; = @ - and no more than 200";
const CHOOSE = "Choose a channel to see its history and, live, what is published to it.";
const UNREADABLE = "The key lacks the scope realtime:subscribe, which is needed to read channels and what is in them.";

export class Workspace {
  #channels = new ChannelList({ open: (channel) => this.#openByHand(channel), ask: () => this.#poll() });
  #feed = new Feed();
  #members = new Members();
  #plot = new Plot();
  #publishForm = new PublishForm();
  #rates = new Rates();
  #hasMore = false;
  #api = null;
  #scopes = [];
  #follower = null;
  #opened = null;
  #polling = 0;
  #turn = 0;
  #told;

  /** @param told `refused(words)`: the key is not taken any longer. */
  constructor(told) {
    this.#told = told;
    find("history").addEventListener("change", () => this.#reopen());
    find("reload").addEventListener("click", () => this.#reopen());
    document.addEventListener("visibilitychange", () => this.#poll());
    setText(find("server"), serverUrl());
    setText(find("first-publish"), publishCommand(FIRST_CHANNEL));
  }

  /** Begins with a key that was taken. *scopes* are the key's, `null` where they cannot be known. */
  open(api, scopes) {
    this.#api = api;
    this.#scopes = scopes;
    this.#publishForm.open(api, this.#lack("realtime:publish", "to publish"));
    this.#close(this.#readable ? CHOOSE : UNREADABLE);
    for (const id of ["prefix", "order", "needle", "history", "reload", "pause"]) find(id).disabled = !this.#readable;
    if (this.#readable) {
      // Not away from where somebody has begun to type meanwhile.
      this.#poll().then(() => document.activeElement === document.body && (this.focus() || find("prefix").focus()));
    } else {
      this.#channels.say(UNREADABLE);
      find("publish-channel").focus();
    }
  }

  /** Forgets everything, so that nothing of it can be seen any longer. */
  close() {
    clearTimeout(this.#polling);
    this.#turn += 1;
    this.#api?.close();
    this.#close("");
    this.#api = null;
    this.#channels.clear();
    this.#feed.clearFilter();
    this.#hasMore = false;
    this.#rates = new Rates();
    this.#publishForm.open(null, "");
    this.#drawPlot();
    setNotice(find("trouble"), "");
  }

  /** Goes to the list of channels, and tells whether there was one to go to. */
  focus() {
    return this.#channels.focus();
  }

  get #readable() {
    return this.#scopes !== null;
  }

  #lack(scope, purpose) {
    const isGranted = this.#scopes === null || this.#scopes.includes(scope);
    return isGranted ? "" : `The key lacks the scope ${scope}, which is needed ${purpose}.`;
  }

  // Channels and rates

  async #poll() {
    clearTimeout(this.#polling);
    if (this.#api === null || !this.#readable || document.hidden) return;
    const turn = ++this.#turn;
    try {
      await this.#refresh(turn);
    } catch (error) {
      if (turn !== this.#turn) return;
      if (error.isUnauthorized) return this.#told.refused(error.message);
      setNotice(find("trouble"), `No news of the channels: ${error.message}. Trying again.`);
    }
    if (turn === this.#turn) this.#polling = setTimeout(() => this.#poll(), POLL_EVERY_MS);
  }

  async #refresh(turn) {
    const isPrefix = PREFIX.test(this.#channels.prefix);
    // What cannot be one narrows nothing; the open channel goes on all the same.
    const prefix = isPrefix ? this.#channels.prefix : "";
    const answer = await this.#api.channels(prefix);
    const opened = this.#opened;
    const isListed = answer.channels.some((each) => each.channel === opened);
    // The plot is of the open channel, whether the list has it or not.
    const beside = opened === null || isListed ? [] : (await this.#api.channels(opened)).channels;
    if (turn !== this.#turn) return;
    const known = [...answer.channels, ...beside.filter((each) => each.channel === opened)];
    const knowsAll = (name) => name === opened || (!answer.more && name.startsWith(prefix));
    this.#rates.update(performance.now(), known, knowsAll);
    this.#hasMore = answer.more;
    const listed = answer.channels.map((each) => ({ ...each, rate: this.#rates.of(each.channel) }));
    if (isPrefix) this.#channels.show(listed, answer.more);
    else this.#channels.say(NO_PREFIX);
    this.#drawPlot();
    setNotice(find("trouble"), "");
  }

  #drawPlot() {
    const isPart = this.#hasMore || this.#channels.prefix !== "";
    const subject = this.#opened ?? (isPart ? "all listed channels" : "all channels");
    this.#plot.draw(this.#rates.series(this.#opened, performance.now()), this.#rates.of(this.#opened), subject);
  }

  // The open channel

  #openByHand(channel) {
    try {
      channelPath(channel);
    } catch (error) {
      return this.#channels.say(error.message);
    }
    this.#follow(channel);
    // Where the parts stand below each other, the messages are out of sight.
    if (matchMedia("(max-width: 45rem)").matches) find("messages").scrollIntoView();
  }

  #reopen() {
    if (this.#opened !== null) this.#follow(this.#opened);
  }

  #follow(channel) {
    this.#close("No message is kept of this channel. Publish one with the form, or with", publishCommand(channel));
    this.#opened = channel;
    find("messages-title").replaceChildren("Messages on ", makeValue("", channel));
    this.#members.clear("Reading");
    this.#channels.mark(channel);
    this.#publishForm.fillChannel(channel);
    this.#drawPlot();
    this.#follower = new Follower(this.#api, channel, Number(find("history").value), {
      history: (messages) => this.#feed.history(messages),
      message: (message) => this.#feed.message(message),
      gap: (frame) => this.#feed.note(`A gap: ${frame.message}. Messages may be missing here.`, true),
      refused: (words) => this.#feed.note(words, true),
      members: (members) => this.#members.replace(members),
      presence: (frame) => this.#members.apply(frame),
      noMembers: (words) => this.#members.clear(words),
      state: (text, tone) => showState(text, tone),
    });
    const lack = this.#lack("realtime:tokens", "to follow messages and presence live");
    const follower = this.#follower;
    follower.start(!lack).then(() => lack && follower === this.#follower && this.#feed.note(lack, true));
  }

  #close(words, command) {
    this.#follower?.stop();
    this.#follower = null;
    this.#opened = null;
    this.#channels.mark(null);
    this.#feed.reset(words, command);
    this.#members.clear("");
    find("messages-title").replaceChildren("Messages");
    showState("", "waiting");
  }
}

function showState(text, tone) {
  setText(find("state"), text);
  find("state").className = `state state-${tone}`;
}

function publishCommand(channel) {
  // In quotes, since a name may hold a semicolon. The key is taken from VOYANT_CLOUD_API_KEY.
  return [
    `voyant-cloud publish '${channel}' order.updated '{"orderId": "ord_1"}' \\`,
    `  --base-url ${serverUrl()}`,
  ].join("\n");
}
