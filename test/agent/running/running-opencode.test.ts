import { expect, test } from "bun:test";
import { urlAddress } from "../../../src/agent/opencode/own-server.ts";
import { requireOpencode, runningOpencode } from "../../../src/agent/running/running-opencode.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const never = new AbortController().signal;
const places = { home: "/home", project: "/project", env: {} };
const entry = { name: "entmoot", command: "/bin/entmootd", args: ["mcp"], env: { A: "b" } };

/** A server that answers so; gives its address and what it was asked. */
function serving(answer: (path: string, times: number) => Response | Promise<Response>) {
  const asked: { path: string; body: string }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname: path, searchParams } = new URL(request.url);
      asked.push({ path, body: await request.text() });
      expect(searchParams.get("directory")).toBe("/project");
      return await answer(path, asked.length);
    },
  });
  const opencode = urlAddress(`http://127.0.0.1:${server.port}`, {})!;
  return { asked, opencode, [Symbol.dispose]: () => server.stop(true) };
}

const running = (opencode: NonNullable<ReturnType<typeof urlAddress>>) =>
  runningOpencode({ clock: realClock, places, entry, opencode, signal: never, version: "1" });

test("a server is told to start our tools, as they stand in its file", async () => {
  using server = serving(() => Response.json({ entmoot: { status: "connected" }, other: { status: "disabled" } }));
  expect(await running(server.opencode)).toEqual({ kind: "bridged", shown: server.opencode.url });
  expect(server.asked.map(({ path }) => path)).toEqual(["/mcp"]);
  expect(JSON.parse(server.asked[0]!.body)).toEqual({
    name: "entmoot",
    config: {
      type: "local",
      command: ["/bin/entmootd", "mcp"],
      environment: { A: "b", ENTMOOT_HOST: "opencode" },
      enabled: true,
    },
  });
});

test.each([
  [
    "says that they fail",
    () => Response.json({ entmoot: { status: "failed", error: "no such file" } }),
    "no such file",
  ],
  ["says nothing of them", () => Response.json({}), "no word"],
  ["says no", () => new Response("not here", { status: 400 }), "not here"],
  ["answers in another shape", () => Response.json([1]), "another version"],
  ["fails", () => new Response("", { status: 500 }), "500"],
])("a server that %s hears nothing yet, and its words are told", async (_what, answer, why) => {
  using server = serving(answer);
  expect(await running(server.opencode)).toMatchObject({ kind: "deaf", why: expect.stringContaining(why) });
});

test("a server that leaves its first question unanswered is asked again", async () => {
  using server = serving((_path, times) => (times === 1 ? new Promise(() => {}) : Response.json({})));
  const clock = new ManualClock();
  const answered = requireOpencode(server.opencode, { clock, places, signal: never });
  while (server.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(5_000);
  await answered;
  expect(server.asked).toHaveLength(2);
});

test("one that is not there, or wants a password, is told with the next step", async () => {
  using server = serving(() => new Response("", { status: 401 }));
  const parts = { clock: realClock, places, signal: never };
  await expect(requireOpencode(server.opencode, parts)).rejects.toThrow(/set OPENCODE_SERVER_PASSWORD/);
  const nowhere = urlAddress("http://127.0.0.1:1", {})!;
  await expect(requireOpencode(nowhere, parts)).rejects.toThrow(/opencode --port PORT/);
});
