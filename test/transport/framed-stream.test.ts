import { expect, test } from "bun:test";
import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import type { FrameLanguage } from "../../src/wire/frame/frame-language.ts";
import { writeFrame } from "../../src/wire/frame/frame-writer.ts";
import { arrivals, dial, failure } from "../contract/transport.contract.ts";

/** A language of one word: a frame is a text of at most 99 bytes. */
const TEXT: FrameLanguage<string> = {
  limits: () => 100,
  decode: (_type, body) => new TextDecoder().decode(body),
  encode: (text) => writeFrame(0x01, [new TextEncoder().encode(text)], () => 100),
};

async function twoEnds() {
  const network = new MemoryNetwork(realClock);
  const [a, b] = [1, 2].map((n) => network.join(PublicKey.fromBytes(new Uint8Array(32).fill(n))));
  const arriving = arrivals(b!);
  const stream = await dial(a!, b!);
  const framed = new FramedStream(stream, TEXT);
  return { stream, framed, accepted: async () => new FramedStream(await arriving.next(), TEXT) };
}

test("frames of any language arrive as they were written, and then the end", async () => {
  const { framed, accepted } = await twoEnds();
  await framed.write("one");
  await framed.write("");
  await framed.finish();
  await using there = await accepted();
  expect([await there.read(), there.lastFrameBytes]).toEqual(["one", 3]);
  expect([await there.read(), there.lastFrameBytes]).toEqual(["", 0]);
  expect(await there.read()).toBeUndefined();
});

test("a read that timed out in the middle of a frame loses nothing of it", async () => {
  const { framed, stream, accepted } = await twoEnds();
  const bytes = TEXT.encode("two halves");
  await stream.write(bytes.subarray(0, 7));
  await using there = await accepted();
  expect(await failure(there.read(AbortSignal.timeout(1)))).toBe("timeout");
  await stream.write(bytes.subarray(7));
  expect(await there.read()).toBe("two halves");
  framed.reset();
});

test("an end within a frame is no end", async () => {
  const { stream, accepted } = await twoEnds();
  await stream.write(TEXT.encode("cut short").subarray(0, 7));
  await stream.finish();
  await using there = await accepted();
  expect(await failure(there.read())).toBe("malformed_frame");
});

test("what the language cannot say is told before a byte goes out", async () => {
  const { framed, accepted } = await twoEnds();
  expect(await failure(framed.write("x".repeat(100)))).toBe("frame_too_large");
  await framed.write("y".repeat(99));
  await using there = await accepted();
  expect(await there.read()).toBe("y".repeat(99));
  framed.reset();
  expect(await failure(there.read())).toBe("unavailable");
});
