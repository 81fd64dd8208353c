import { expect, test } from "bun:test";
import { join } from "node:path";
import { realClock } from "../../src/host/real-clock.ts";
import { get, getSmall } from "../../src/update/http-get.ts";
import { ManualClock } from "../support/manual-clock.ts";

const OPTIONS = { clock: realClock, allowsRedirect: () => false, userAgent: "entmootd/test" };

/** A server whose body comes in pieces, each when `more` gives it; none ends it, and a promise that waits is silence. */
function slowServer(pieces: AsyncIterable<Uint8Array>) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            for await (const piece of pieces) controller.enqueue(piece);
            controller.close();
          },
        }),
      ),
  });
}

test("a server that falls silent in the middle is given up, and said so", async () => {
  async function* silent() {
    yield new Uint8Array(3);
    await new Promise(() => {});
  }
  const server = slowServer(silent());
  const clock = new ManualClock();
  try {
    const { body } = await get(new URL(server.url), { ...OPTIONS, clock, idleMs: 100 });
    const pieces = body[Symbol.asyncIterator]();
    expect((await pieces.next()).value).toHaveLength(3);
    const next = pieces.next();
    clock.advance(100);
    await expect(next).rejects.toMatchObject({
      code: "update_failed",
      message: expect.stringContaining("sent nothing for 100 ms"),
    });
  } finally {
    await server.stop(true);
  }
});

test("a server that never answers is given up", async () => {
  const asked = Promise.withResolvers<void>();
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => asked.resolve() } });
  const clock = new ManualClock();
  try {
    const answer = get(new URL(`http://127.0.0.1:${server.port}/`), { ...OPTIONS, clock, idleMs: 100 });
    await asked.promise;
    clock.advance(100);
    await expect(answer).rejects.toMatchObject({
      message: expect.stringContaining("sent nothing"),
    });
  } finally {
    server.stop(true);
  }
});

test("a slow server may take as long as it likes while it sends something", async () => {
  let more = Promise.withResolvers<void>();
  async function* slow() {
    for (let piece = 0; piece < 12; piece++) {
      yield new Uint8Array(1);
      await more.promise;
    }
  }
  const server = slowServer(slow());
  const clock = new ManualClock();
  try {
    const { body } = await get(new URL(server.url), { ...OPTIONS, clock, idleMs: 400 });
    let size = 0;
    for await (const piece of body) {
      size += piece.length;
      // Each piece comes just within the silence that is allowed, all of them together well after it.
      clock.advance(399);
      const { resolve } = more;
      more = Promise.withResolvers();
      resolve();
    }
    expect(size).toBe(12);
  } finally {
    await server.stop(true);
  }
});

test("bytes are what the server has, whatever it says they are", async () => {
  const zipped = Bun.gzipSync(new Uint8Array(100_000));
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(zipped, { headers: { "Content-Encoding": "gzip" } }),
  });
  try {
    expect(await getSmall(new URL(server.url), 10_000, OPTIONS)).toEqual(new Uint8Array(zipped));
  } finally {
    await server.stop(true);
  }
});

test("a small file that comes drop by drop is given up, however long the server goes on", async () => {
  const clock = new ManualClock();
  async function* drops() {
    for (;;) {
      yield new Uint8Array(1);
      await new Promise(setImmediate);
      clock.advance(20);
    }
  }
  const server = slowServer(drops());
  const options = { ...OPTIONS, clock, idleMs: 10_000, wholeMs: 300 };
  await expect(getSmall(server.url, 1 << 20, options)).rejects.toThrow("took longer than 300 ms");
  await server.stop(true);
});

test("plain http, which is for loopback only, goes through no proxy", async () => {
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(new Uint8Array([1])) });
  const program = `
    const { getSmall } = await import("${join(import.meta.dir, "../../src/update/http-get.ts")}");
    const { realClock: clock } = await import("${join(import.meta.dir, "../../src/host/real-clock.ts")}");
    const options = { clock, allowsRedirect: () => false, userAgent: "test" };
    const found = await getSmall(new URL("${server.url}"), 9, options);
    process.stdout.write(String(found));`;
  const run = Bun.spawn([process.execPath, "-e", program], {
    env: { ...process.env, http_proxy: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1" },
    stdout: "pipe",
    stderr: "ignore",
  });
  expect(await run.stdout.text()).toBe("1");
});
