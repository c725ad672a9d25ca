// The official client in a process of its own. For each line on stdin it receives COUNT messages, on a new connection,
// and answers with how many a second those were.

import { createInterface } from "node:readline";
import { RealtimeChannel } from "@voyant-travel/cloud-sdk";
import WebSocket from "ws";

const [url, count] = [process.argv[2], Number(process.argv[3])];

function receive() {
  return new Promise((done) => {
    let seen = 0;
    const started = performance.now();
    const options = { channel: "bench", token: "rtok_bench", baseUrl: url, webSocket: WebSocket, reconnect: false };
    const channel = new RealtimeChannel(options);
    channel.on("message", () => {
      seen += 1;
      if (seen === count) {
        channel.close();
        done((count / (performance.now() - started)) * 1000);
      }
    });
  });
}

for await (const _ of createInterface({ input: process.stdin })) console.log(await receive());
