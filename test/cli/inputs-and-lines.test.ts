import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { conformanceTable, reportLine } from "../../src/cli/commands/conformance.ts";
import { loadJoinInput } from "../../src/cli/line/join-input.ts";
import { policyFromFlags } from "../../src/cli/line/policy-source.ts";
import { parseTopics, unmatchedTopics } from "../../src/cli/line/topic-argument.ts";
import { GroupId, MessageId } from "../../src/core/ids.ts";
import { nodeName } from "../../src/daemon/node-name.ts";
import type { WatchEvent } from "../../src/node/operations/messages.ts";
import { MemoryNodeStore } from "../../src/store/memory/memory-node-store.ts";
import { eventLine, mootName } from "../../src/view/event-line.ts";
import { expectCode } from "../support/expect-code.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

describe("a policy source", () => {
  test("is a preset in any case, or none", async () => {
    const standard = await policyFromFlags({ policy: "preset:standard", retention: undefined }, "create");
    expect(standard.source).toBe("preset:standard");
    expect((await policyFromFlags({ policy: "preset:Relaxed", retention: undefined }, "create")).summary).toStartWith(
      "message_rate=60/min burst=120",
    );
    expect(await policyFromFlags({ policy: "none", retention: undefined }, "create")).toEqual({
      source: "none",
      json: undefined,
      summary: undefined,
      retention: undefined,
    });
  });

  test("keeps as long as -retention says, and none keeps everything", async () => {
    const kept = (policy: string, retention: string) => policyFromFlags({ policy, retention }, "create");
    expect(await kept("preset:standard", "90")).toMatchObject({
      retention: 90n,
      summary: expect.stringMatching(/^message_rate=6.*days=90$/),
    });
    expect((await kept("preset:relaxed", "Keep")).json).toContain('"retention_days":36500');
    expect(await kept("none", "keep")).toMatchObject({ json: undefined, retention: undefined });
    await expect(kept("none", "30")).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("name a policy as well"),
    });
    for (const wrong of ["", "0", "-1", "1.5", "30d", "forever", "9".repeat(19)]) {
      await expect(kept("preset:standard", wrong)).rejects.toMatchObject({
        code: "invalid_argument",
        message: `create: -retention: expected a number of days from 1 on, or keep, found "${wrong}"`,
      });
    }
  });

  test("that is empty is refused, as an empty flag is everywhere", async () => {
    for (const policy of ["", " "]) {
      await expect(policyFromFlags({ policy, retention: undefined }, "create")).rejects.toMatchObject({
        code: "invalid_argument",
        message: expect.stringMatching(/^create: -policy is empty; expected /),
      });
    }
  });

  test("a file is read, and each way it can be wrong is named", async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "p.json");
    const read = () => policyFromFlags({ policy: `file:${path}`, retention: undefined }, "create");
    const refused = (message: string) =>
      expect(read()).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining(message) });
    await refused("-policy: read policy file ");
    writeFileSync(path, "{");
    await refused("-policy: decode policy file ");
    const standard = (await policyFromFlags({ policy: "preset:standard", retention: undefined }, "create")).json!;
    writeFileSync(path, standard.replace('"retention_days":30', '"retention_days":0'));
    await refused("-policy: validate policy file ");
    writeFileSync(path, "x".repeat(70_000));
    await refused("expected at most 64 KiB (65,536 bytes)");
    writeFileSync(path, standard);
    expect(await read()).toMatchObject({ source: `file:${path}`, json: standard });
  });
});

describe("an input of join", () => {
  async function served(body: string | (() => Response), status = 200) {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => (typeof body === "string" ? new Response(body, { status }) : body()),
    });
    return { url: `http://127.0.0.1:${server.port}/invite.json`, [Symbol.asyncDispose]: () => server.stop(true) };
  }

  test("fetched from an address is judged like a file", async () => {
    await using web = await served("{}");
    await expect(loadJoinInput(web.url, 60_000)).rejects.toMatchObject({
      code: "malformed_frame",
      message: expect.stringContaining(`join: invite ${web.url}: `),
    });
  });

  test("an answer that is no success is a failed fetch", async () => {
    await using web = await served("no", 404);
    await expect(loadJoinInput(web.url, 60_000)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("expected status 200, found 404"),
    });
  });

  test("a redirect is not followed", async () => {
    await using web = await served(() => Response.redirect("http://127.0.0.1:1/"));
    await expect(loadJoinInput(web.url, 60_000)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("invite fetch failed"),
    });
  });

  test("more than 1 MiB is refused, not cut", async () => {
    await using web = await served("x".repeat(1024 * 1024 + 1));
    await expect(loadJoinInput(web.url, 60_000)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("more than 1 MiB (1,048,576 bytes)"),
    });
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "i.json");
    writeFileSync(path, "x".repeat(1024 * 1024 + 1));
    await expect(loadJoinInput(path, 60_000)).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("bytes), found more"),
    });
  });

  test("bytes that are no text are refused", async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "i.json");
    writeFileSync(path, new Uint8Array([0xff, 0xfe]));
    await expect(loadJoinInput(path, 60_000)).rejects.toMatchObject({
      message: expect.stringContaining("expected text in UTF-8"),
    });
  });

  test("a link in an error is not shown in full: it is a secret", async () => {
    const secret = `entmoot://join/${"A".repeat(200)}`;
    await expect(loadJoinInput(secret, 60_000)).rejects.toMatchObject({
      message: expect.not.stringContaining("A".repeat(20)),
    });
  });
});

test("a node's name is kept until another is given, and an empty one takes it away", () => {
  using settings = new MemoryNodeStore();
  expect(nodeName(undefined, settings)).toBe("");
  expect(nodeName(" oak ", settings)).toBe("oak");
  expect(nodeName(undefined, settings)).toBe("oak");
  expect(nodeName("", settings)).toBe("");
  expect(nodeName(undefined, settings)).toBe("");
  expectCode("invalid_argument", () => nodeName("é".repeat(33), settings));
  // Their white space is the network's: U+0085 is some, U+FEFF is not.
  expect(nodeName("\u0085oak\u3000", settings)).toBe("oak");
  expect(nodeName("\ufeffoak", settings)).toBe("\ufeffoak");
});

test("a name that peers would drop is refused, and one that was kept once is none", () => {
  using settings = new MemoryNodeStore();
  for (const name of ["a\u007fb", "a\nb", "a\u009bb", "\u0000"]) {
    expect(expectCode("invalid_argument", () => nodeName(name, settings)).message).toContain(
      "-hostname: expected no control characters, found U+00",
    );
  }
  expect(nodeName(undefined, settings)).toBe("");
  settings.setSetting("hostname", JSON.stringify("a\u007fb"));
  expect(nodeName(undefined, settings)).toBe("");
});

test("the white space around topics is the network's, and not JavaScript's", () => {
  expect(parseTopics("publish", "\u0085a\u3000, \ufeffb")).toEqual(["a", "\ufeffb"]);
});

test("a topic that no pattern matches is told, one that is a pattern refused", () => {
  expect(unmatchedTopics(["chat", "a/b"])).toBeUndefined();
  expect(unmatchedTopics(["chat", "c++", "a//b"])).toContain('topics "c++", "a//b": no pattern matches');
  expectCode("invalid_argument", () => parseTopics("publish", "chat,a/#"));
});

describe("lines on a terminal", () => {
  const now = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
  const message = (content: Uint8Array, topics: string[], timestamp = BigInt(now.getTime())): WatchEvent => ({
    kind: "message",
    group_id: GroupId.zero,
    seq: 17,
    place: "here",
    apart: undefined,
    arrived_ms: undefined,
    message: {
      id: MessageId.zero,
      group_id: GroupId.zero,
      author: { pilot_node_id: 7, entmoot_pubkey: new Uint8Array(32).fill(9) },
      timestamp,
      topics,
      parents: [],
      content,
      references: [],
      signature: new Uint8Array(0),
    },
  });
  const text = (words: string) => new TextEncoder().encode(words);

  test("say when, who, where and what", () => {
    const names = new Map([[7, "oak"]]);
    expect(eventLine(message(text("hello"), ["chat"]), { names, now })).toBe(
      "03:04:05Z  #17  oak/7 (CQkJCQkJ)  chat  hello",
    );
    expect(eventLine(message(text("hello"), []), { names: new Map(), now })).toBe(
      "03:04:05Z  #17  7 (CQkJCQkJ)  -  hello",
    );
    expect(eventLine(message(new Uint8Array([0xff, 0, 1]), ["a"]), { names, now })).toContain(
      "[3 bytes that are not text; to see them: entmootd query",
    );
    const peer = { kind: "peer", group_id: GroupId.zero, node_id: 7, entmoot_pubkey: new Uint8Array(32) } as const;
    expect(eventLine({ ...peer, event: "connected", route: "direct" }, { names, now })).toBe(
      "03:04:05Z  oak/7 is connected (direct)",
    );
    expect(eventLine({ ...peer, event: "left", route: "none" }, { names, now })).toBe("03:04:05Z  oak/7 was removed");
  });

  test("have the time in UTC with the zone said, and the date where it is another", () => {
    const at = (timestamp: number) =>
      eventLine(message(text("x"), ["a"], BigInt(timestamp)), { names: new Map(), now }).split("  ")[0];
    expect(at(Date.UTC(2026, 0, 2, 23, 59, 59))).toBe("23:59:59Z");
    expect(at(Date.UTC(2026, 0, 1, 23, 59, 59))).toBe("2026-01-01 23:59:59Z");
  });

  test("say of this node itself what became of it", () => {
    const peer = { kind: "peer", group_id: GroupId.zero, node_id: 7, entmoot_pubkey: new Uint8Array(32) } as const;
    const line = eventLine({ ...peer, event: "left", route: "none", self: true }, { names: new Map(), now, moot: "m" });
    expect(line).toStartWith("03:04:05Z  m  this node was removed from the moot: nothing new comes");
  });

  test("cut what is long, and say how long it is and what prints it", () => {
    const of = (content: Uint8Array) => eventLine(message(content, ["a"]), { names: new Map(), now });
    const command = `entmootd query -group ${GroupId.toBase64(GroupId.zero)} -after 16 -limit 1`;
    expect(of(text("x".repeat(4_097)))).toEndWith(`x… [4 KiB (4,097 bytes) in all; to see them: ${command}]`);
    expect(of(text("x".repeat(4_096)))).toEndWith("x");
    expect(of(new Uint8Array(3).fill(0xff))).toEndWith(`[3 bytes that are not text; to see them: ${command}]`);
  });

  test("show the further lines of a message below it, indented, and no more than some", () => {
    const of = (content: string) => eventLine(message(text(content), ["a"]), { names: new Map(), now });
    const first = "03:04:05Z  #17  7 (CQkJCQkJ)  a  one";
    expect(of("one\r\ntwo\n\n\t12:00:00Z  oak/7  a  three\n\n")).toBe(
      `${first}\n    two\n    \n     12:00:00Z  oak/7  a  three`,
    );
    expect(of("one\u2028two\rthree")).toBe(`${first} two three`);
    const long = of(`one${"\nx".repeat(20)}`).split("\n");
    expect(long).toHaveLength(20);
    expect(long.at(-1)).toMatch(/^ {4}x … \[43 bytes in all; to see them: entmootd query /);
    expect(
      of(`one${"\nx".repeat(19)}`)
        .split("\n")
        .at(-1),
    ).toBe("    x");
    expect(of("\n".repeat(4000))).not.toContain("\n");
  });

  test("cannot be driven by a name, a topic, a text or a time", () => {
    const names = new Map([[7, "\u001b]0;x\u0007\u202eoak".padEnd(500, "!")]]);
    const line = eventLine(message(text("\u001b[2J\nroot# "), ["a\u001b[0m\nb"], 2n ** 62n), { names, now });
    expect(line.replace("\n    root", "root")).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(line.length).toBeLessThan(200);
    expect(line).toStartWith("03:04:05");
  });

  test("a moot nobody named has a name all the same", () => {
    expect(mootName()).toMatch(/^[a-z]+ moot$/);
  });
});

test("a line of conformance has the seven documented keys, counts first", () => {
  const counts = { passed: 0, failed: 0, unknown: 1, deviations: 0 };
  const report = { file: "a.json", ...counts, failures: [], deviating: [], unknownKinds: { "a/-": 1 } };
  expect(Object.keys(reportLine(report))).toEqual([
    "file",
    "passed",
    "failed",
    "unknown",
    "deviations",
    "failures",
    "deviating",
  ]);
});

test("the table of conformance adds up and shows what failed", () => {
  const report = {
    file: "a.json",
    passed: 3,
    failed: 1,
    unknown: 2,
    deviations: 0,
    failures: [{ name: "n\u001b", expected: "1", found: "2" }],
    deviating: [],
    unknownKinds: {},
  };
  const lines = conformanceTable([report, { ...report, file: "longer.json", failures: [] }]);
  expect(lines.map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ["FILE", "PASSED", "FAILED", "UNKNOWN", "DEVIATIONS"],
    ["a.json", "3", "1", "2", "0"],
    ["n: expected 1, found 2"],
    ["longer.json", "3", "1", "2", "0"],
    ["all", "6", "2", "4", "0"],
  ]);
});
