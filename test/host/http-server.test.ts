import { expect, test } from "bun:test";
import { connect } from "node:net";
import type { ServedRequest } from "../../src/host/http-request.ts";
import { HTTP_LIMITS, HttpServer } from "../../src/host/http-server.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";

const QUIET = createLog("error", { write() {}, now: () => new Date(0) });

/** A server that reads every body, and holds it until it is let go; `?known` is somebody known. */
async function holdingServer() {
  const { promise: release, resolve: letGo } = Promise.withResolvers<void>();
  const limits = { ...HTTP_LIMITS, bodiesMax: 4_000, strangersBodiesMax: 1_000, endingMs: 100 };
  let held = 0;
  const waiting: (() => void)[] = [];
  const answer = async (request: ServedRequest) => {
    try {
      await request.body(4_000, request.target.includes("known"));
    } catch (error) {
      return { status: (error as { code: string }).code === "rate_limited" ? 429 : 500, headers: {}, body: undefined };
    }
    held += 1;
    for (const wake of waiting.splice(0)) wake();
    if (request.target.includes("hold")) await release;
    return { status: 200, headers: {}, body: undefined };
  };
  const parts = { hostname: "127.0.0.1", port: 0, tls: undefined, answer, clock: realClock, log: QUIET, limits };
  const server = await HttpServer.start(parts);
  return {
    server,
    letGo,
    async holds(count: number) {
      while (held < count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    post: async (path: string, bytes: number) => {
      const url = `http://127.0.0.1:${server.port}/${path}`;
      return (await fetch(url, { method: "POST", body: new Uint8Array(bytes) })).status;
    },
  };
}

test("bodies of strangers fill their own part of the room and leave the rest to whoever is known", async () => {
  const { holds, letGo, post, server } = await holdingServer();
  await using _ = server;
  const stranger = post("hold", 900);
  await holds(1);
  expect(await post("", 200)).toBe(429);
  expect(await post("", 100)).toBe(200);
  const known = post("hold?known", 3_000);
  await holds(3);
  expect(await post("?known", 200)).toBe(429);
  letGo();
  expect(await Promise.all([stranger, known])).toEqual([200, 200]);
  // What was given back is there for both again.
  expect(await post("", 1_000)).toBe(200);
  expect(await post("?known", 4_000)).toBe(200);
});

test("what a stranger cut off gives its room back", async () => {
  const { post, server } = await holdingServer();
  await using _ = server;
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const socket = connect(server.port, "127.0.0.1", () => {
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", () => {
      socket.write(new Uint8Array(900), () => socket.destroy());
    });
  });
  socket.on("close", resolve);
  await closed;
  let status = await post("", 1_000);
  while (status === 429) status = await post("", 1_000);
  expect(status).toBe(200);
});
