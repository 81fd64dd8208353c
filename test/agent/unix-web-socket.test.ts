import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { UnixWebSocket } from "../../src/agent/unix-web-socket.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const never = new AbortController().signal;

/** One connection to a server that agrees by `head` and then says `bytes`; gives what was heard, and what ended it. */
async function heardOf(bytes: readonly Uint8Array[], agree: (key: string) => string = agreement, messageMax = 1_000) {
  using folder = new TemporaryDirectory();
  const path = join(folder.path, "a b");
  const server = createServer((socket: Socket) => {
    socket.on("error", () => {});
    socket.once("data", (asked) => {
      const key = /sec-websocket-key: (\S+)/i.exec(asked.toString("latin1"))![1]!;
      // In one piece with the agreement, and one by one.
      socket.write(Buffer.concat([Buffer.from(agree(key)), bytes[0] ?? Buffer.alloc(0)]));
      for (const each of bytes.slice(1)) socket.write(each);
      socket.end();
    });
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  const heard: string[] = [];
  const ended = Promise.withResolvers<string>();
  try {
    using _socket = await UnixWebSocket.connect(path, {
      clock: realClock,
      signal: never,
      messageMax,
      onMessage: (text) => heard.push(text),
      onClose: (why) => ended.resolve(why.message),
    });
    return { heard, ended: await ended.promise };
  } finally {
    server.close();
  }
}

function agreement(key: string): string {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

function frame(first: number, text: string): Uint8Array {
  return Buffer.concat([Buffer.from([first, text.length]), Buffer.from(text)]);
}

test("messages come whole, in several frames and several pieces, with a question whether we are there between", async () => {
  const parts = [frame(0x81, "one"), frame(0x01, "tw"), frame(0x89, "?"), frame(0x00, ""), frame(0x80, "o")];
  const whole = Buffer.concat(parts);
  for (const bytes of [parts, [whole], [...whole].map((byte) => Buffer.from([byte]))]) {
    expect((await heardOf(bytes)).heard).toEqual(["one", "two"]);
  }
});

const BROKEN: Readonly<Record<string, readonly Uint8Array[]>> = {
  "a message of at most 1000 bytes": [Buffer.from([0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0])],
  "at most 1000 bytes, found 1100": Array.from({ length: 11 }, (_, n) => frame(n === 0 ? 0x01 : 0x00, "x".repeat(100))),
  "found a masked one": [Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0])],
  "without extensions": [frame(0xc1, "x")],
  "found a frame of another kind": [frame(0x82, "x")],
};
for (const [why, bytes] of Object.entries(BROKEN)) {
  test(`a server that breaks the protocol is left: ${why}`, async () => {
    const { ended, heard } = await heardOf(bytes);
    expect(ended).toContain(why);
    expect(heard).toEqual([]);
  });
}

const UNWILLING: Readonly<Record<string, string>> = {
  "agrees to a WebSocket": "HTTP/1.1 403 Forbidden\r\n\r\n",
  another: "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
  "agrees to a WebSocket, found": "x".repeat(20_000),
};
for (const [why, head] of Object.entries(UNWILLING)) {
  test(`a server that does not agree is no way in: ${why}`, async () => {
    await expect(heardOf([], () => head)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(why),
    });
  });
}
