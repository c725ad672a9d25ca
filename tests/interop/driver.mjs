// The official client in a process of its own, told what to do and telling what it sees, both in lines of JSON.
//
// Told on stdin, each answered on stdout by {"id", "value"} or {"id", "error"}:
//   {"id", "do": "client", "env", "overrides"}          make the client for REST, as from an environment
//   {"id", "do": "rest", "method", "args"}              call a method of the client, such as "realtime.presence.get"
//   {"id", "do": "surface"}                             list the methods of client.realtime
//   {"id", "do": "open", "name", "options", "frames"}   open a channel; with "frames" its raw frames are told, too
//   {"id", "do": "call", "name", "method", "args"}      call a method of that channel
//   {"id", "do": "on" | "off", "name", "event"}         register and unsubscribe the handler of an event
//   {"id", "do": "pause" | "resume", "name"}            stop and go on reading from the channel's socket
//   {"id", "do": "close all"}                           close all channels and forget them
// Told on stdout at any time: {"channel": name, "event", "payload"}, where the event is the client's own, or
//   "dial" (a connection is tried), "refused" (it failed, and why), "frame" (what the server sent, parsed).

import { createInterface } from "node:readline";
import { RealtimeChannel, tryGetVoyantCloudClient, VoyantApiError } from "@voyant-travel/cloud-sdk";
import WebSocket from "ws";

const EVENTS = ["connected", "message", "presence", "error", "disconnected"];

const channels = new Map();
let client;

function tell(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A WebSocket that tells what the client keeps to itself: each attempt, why it failed, frames of any type. */
function watched(name, entry, frames) {
  return class extends WebSocket {
    constructor(url) {
      super(url);
      entry.socket = this;
      const sinceId = new URL(url).searchParams.get("sinceId");
      tell({ channel: name, event: "dial", payload: { sinceId, at: performance.now() / 1000 } });
      this.on("error", (error) => tell({ channel: name, event: "refused", payload: error.message || error.code }));
      if (frames) {
        this.on("message", (data) => tell({ channel: name, event: "frame", payload: JSON.parse(data) }));
      }
    }
  };
}

function register(name, event) {
  const entry = channels.get(name);
  entry.off[event] = entry.channel.on(event, (payload) => tell({ channel: name, event, payload }));
}

const commands = {
  client({ env, overrides }) {
    client = tryGetVoyantCloudClient(env, overrides);
    return client !== null;
  },
  rest({ method, args }) {
    const path = method.split(".");
    const last = path.pop();
    return path.reduce((group, key) => group[key], client)[last](...args);
  },
  surface() {
    const names = ([key, value]) => (typeof value === "function" ? [key] : Object.keys(value).map((k) => `${key}.${k}`));
    return Object.entries(client.realtime).flatMap(names);
  },
  open({ name, options, frames }) {
    const entry = { off: {}, socket: null };
    entry.channel = new RealtimeChannel({ ...options, webSocket: watched(name, entry, frames) });
    channels.set(name, entry);
    for (const event of EVENTS) register(name, event);
  },
  call({ name, method, args }) {
    return channels.get(name).channel[method](...args);
  },
  on({ name, event }) {
    register(name, event);
  },
  off({ name, event }) {
    channels.get(name).off[event]();
  },
  "close all"() {
    for (const { channel } of channels.values()) channel.close();
    channels.clear();
  },
  pause({ name }) {
    channels.get(name).socket.pause();
  },
  resume({ name }) {
    channels.get(name).socket.resume();
  },
};

function describe(error) {
  const { name, message, status, code, requestId, body } = error;
  return { name, message, status, code, requestId, body, isApiError: error instanceof VoyantApiError };
}

async function obey(command) {
  try {
    tell({ id: command.id, value: (await commands[command.do](command)) ?? null });
  } catch (error) {
    tell({ id: command.id, error: describe(error) });
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => obey(JSON.parse(line)))
  .on("close", () => process.exit(0));
