import { expect, test } from "bun:test";
import { join } from "node:path";
import { get, getSmall } from "../../src/update/http-get.ts";

const OPTIONS = { allowsRedirect: () => false, userAgent: "entmootd/test" };

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
  try {
    const asked = getSmall(new URL(server.url), 100, { ...OPTIONS, idleMs: 100 });
    await expect(asked).rejects.toMatchObject({
      code: "update_failed",
      message: expect.stringContaining("sent nothing for 0.1 s"),
    });
  } finally {
    await server.stop(true);
  }
});

test("a server that never answers is given up", async () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    const url = new URL(`http://127.0.0.1:${server.port}/`);
    await expect(get(url, { ...OPTIONS, idleMs: 100 })).rejects.toMatchObject({
      message: expect.stringContaining("sent nothing"),
    });
  } finally {
    server.stop(true);
  }
});

test("a slow server may take as long as it likes while it sends something", async () => {
  // Each piece comes well within the silence that is allowed, all of them together well after it.
  async function* slow() {
    for (let piece = 0; piece < 12; piece++) {
      await Bun.sleep(50);
      yield new Uint8Array(1);
    }
  }
  const server = slowServer(slow());
  try {
    expect(await getSmall(new URL(server.url), 100, { ...OPTIONS, idleMs: 400 })).toHaveLength(12);
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
  async function* drops() {
    for (;;) {
      yield new Uint8Array(1);
      await Bun.sleep(20);
    }
  }
  const server = slowServer(drops());
  const options = { ...OPTIONS, idleMs: 10_000, wholeMs: 300 };
  await expect(getSmall(server.url, 1 << 20, options)).rejects.toThrow("took longer than 0.3 s");
  await server.stop(true);
});

test("plain http, which is for loopback only, goes through no proxy", async () => {
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(new Uint8Array([1])) });
  const program = `
    const { getSmall } = await import("${join(import.meta.dir, "../../src/update/http-get.ts")}");
    const found = await getSmall(new URL("${server.url}"), 9, { allowsRedirect: () => false, userAgent: "test" });
    process.stdout.write(String(found));`;
  const run = Bun.spawn([process.execPath, "-e", program], {
    env: { ...process.env, http_proxy: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1" },
    stdout: "pipe",
    stderr: "ignore",
  });
  expect(await run.stdout.text()).toBe("1");
});
