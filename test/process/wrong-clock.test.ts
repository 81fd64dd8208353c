import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId } from "../../src/core/ids.ts";
import { signMessage } from "../../src/core/record/message.ts";
import { readIdentity } from "../../src/host/identity-file.ts";
import { publish_signed } from "../../src/node/operations/messages.ts";
import { eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { ShiftedNode, shiftedBinary } from "../support/shifted-clock/shifted-node.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What the date is in these tests when nobody has set it wrong: noon, so that no day ends while they run. */
const NOON = Date.UTC(2031, 4, 20, 12);

const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const startOf = (ms: number) => Date.parse(`${day(ms)}T00:00:00Z`);

/** Takes in a message that this node's key signed at `timestamp`; `content` is the name it goes by. */
async function sayAt(node: ShiftedNode, group_id: string, timestamp: number, content: string): Promise<void> {
  const { seed, publicKey } = readIdentity(join(node.data, "identity.json"))!;
  const { local_node_id } = await node.group();
  const message = signMessage({
    seed,
    group_id: GroupId.fromBytes(Uint8Array.fromBase64(group_id)),
    author: { pilot_node_id: local_node_id, entmoot_pubkey: publicKey },
    timestamp: BigInt(timestamp),
    topics: ["chat"],
    parents: [],
    content: encodeUtf8(content),
    references: [],
  });
  await using client = await node.client();
  await client.call(publish_signed, { message });
}

const say = (node: ShiftedNode, content: string) => node.ask(["publish", "-topic", "chat", "-content", content]);

/** What is held, in the order it arrived, each with its number. */
async function held(node: ShiftedNode): Promise<[seq: number, content: string][]> {
  const { stdout } = await node.run(["query", "-group", "council", "-after", "0"]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line)).map(({ content, seq }) => [seq, content]);
}

/** What `info` says of the moot once that fits. */
async function settled(node: ShiftedNode, fields: Record<string, unknown>, messages?: number) {
  return eventually(`${node.data}: ${JSON.stringify(fields)}`, async () => {
    const group = await node.group();
    const fits = Object.entries(fields).every(([key, value]) => Reflect.get(group.retention!, key) === value);
    return fits && (messages === undefined || group.messages === messages) ? group : undefined;
  });
}

/** Ends its daemon and starts it again: whoever is met is compared with at once. */
async function restart(node: ShiftedNode): Promise<void> {
  await node.end();
  await node.serve();
}

const linesOf = (node: ShiftedNode, text: RegExp) => node.daemon.stderr.split("\n").filter((line) => text.test(line));

const REMOVED = /removed \d+ messages/;

inNetns(import.meta, () => {
  const shared = new TemporaryDirectory();
  let binary: string;

  beforeAll(async () => {
    binary = await shiftedBinary(shared.path);
  });

  afterAll(() => shared[Symbol.dispose]());

  /** At noon, so many milliseconds ahead. */
  const nodeIn = (home: string, name: string, aheadMs = 0) =>
    new ShiftedNode(home, name, { binary, dateMs: NOON + aheadMs - Date.now() });

  test("a moot survives a start with the clock 40 days ahead, alone and beside a member, and is told of it", async () => {
    using home = new TemporaryDirectory();
    await using oak = nodeIn(home.path, "oak");
    await using ash = nodeIn(home.path, "ash");
    await oak.serve();
    const { group_id } = await oak.ask(["group", "create", "-name", "council", "-retention", "30"]);
    const { link } = await oak.ask(["invite", "link", "-group", group_id, "-valid-for", "never"]);
    await say(oak, "one");
    await say(oak, "two");
    await oak.end();

    oak.setDate(40 * DAY);
    await oak.serve();
    const alone = await oak.group();
    expect(alone).toMatchObject({
      messages: 2,
      retention: { clock: "unproved", cutoff: day(NOON + 10 * DAY), removed: 0, removed_before: null },
    });
    expect(alone.retention).toMatchObject({
      clock_note:
        "nothing is removed until most members heard have this date, or none is heard for another 24 hours without a jump; check the date here with: date -u",
    });
    // What would go as soon as the date counts is told while it can be set right.
    const [waiting, ...more] = linesOf(oak, /holds messages older than/);
    expect(more).toEqual([]);
    expect(waiting).toContain(`older than ${day(NOON + 10 * DAY)}, which go once most members heard have the date`);
    expect(waiting).toContain(`(${day(NOON + 40 * DAY)}T12:`);
    expect(waiting).toContain("date -u");

    // Beside a member with the right date nothing is refused for its age, on either side.
    await ash.serve();
    await ash.ask(["join", link]);
    await say(ash, "three");
    const beside = await settled(oak, { clock: "disputed" }, 3);
    expect(beside.retention).toMatchObject({ removed: 0, clock_note: expect.stringContaining("date -u") });
    expect((beside.retention as { clock_offset_ms?: number }).clock_offset_ms! / DAY).toBeCloseTo(-40, 1);
    await oak.daemon.said("clock 40 days behind of this one, or disagree; nothing is removed until they agree");
    await settled(ash, { clock: "disputed", removed: 0 }, 3);

    // The date is set right while the daemon runs: a jump, told in log and info with what to do.
    oak.setDate(-40 * DAY);
    const mended = await settled(oak, { cutoff: day(NOON - 30 * DAY) });
    expect(mended.retention).toMatchObject({
      clock: "unproved",
      clock_note: expect.stringMatching(/^the date here went 40 days back; nothing is removed until .*date -u$/),
    });
    expect((mended.retention as { clock_jump_ms?: number }).clock_jump_ms! / DAY).toBeCloseTo(-40, 1);
    await oak.daemon.said("the date of this machine went 40 days back; nothing is removed until");
    await restart(ash);
    for (const node of [oak, ash]) {
      const group = await settled(node, { clock: "agreed" }, 3);
      expect(group.retention).toMatchObject({ removed: 0 });
      expect(group.retention).not.toHaveProperty("clock_jump_ms");
      expect(linesOf(node, REMOVED)).toEqual([]);
    }
  });

  test("alone, what is too old goes after a day of steady clock and not before, by whole days, in one line", async () => {
    using home = new TemporaryDirectory();
    await using oak = nodeIn(home.path, "oak");
    await oak.serve();
    const { group_id } = await oak.ask(["group", "create", "-name", "council", "-retention", "30"]);
    const cutoff = startOf(NOON - 29 * DAY);
    await sayAt(oak, group_id, cutoff - 1, "the day before");
    await sayAt(oak, group_id, cutoff - 20 * DAY, "long ago");
    await sayAt(oak, group_id, cutoff, "the first instant of the day");
    await sayAt(oak, group_id, NOON, "today");
    await oak.end();
    const ready = await oak.up("-json");
    expect(ready).toMatchObject({
      policy: "standard",
      retention: { days: 30, cutoff: day(cutoff - DAY), removed: 0, removed_before: null, clock: "unproved" },
    });
    oak.pass(23 * HOUR);
    await settled(oak, { cutoff: day(cutoff), clock: "unproved" }, 4);
    // Whoever writes has a look at the time, and finds that it does not count yet.
    await say(oak, "tomorrow");
    expect(linesOf(oak, REMOVED)).toEqual([]);
    expect(await held(oak)).toHaveLength(5);

    oak.pass(HOUR + MINUTE);
    await say(oak, "a day later");
    const group = await settled(oak, { clock: "steady", removed: 2 }, 4);
    expect(group).toMatchObject({
      policy: "standard",
      retention: { days: 30, cutoff: day(cutoff), removed_before: day(cutoff) },
    });
    expect((await held(oak)).map(([, content]) => content)).toEqual([
      "the first instant of the day",
      "today",
      "tomorrow",
      "a day later",
    ]);
    const [line, ...more] = linesOf(oak, REMOVED);
    expect(more).toEqual([]);
    expect(line).toContain(`removed 2 messages older than ${day(cutoff)} (retention: 30 days)`);
    await oak.end();
    expect(await oak.up("-json")).toMatchObject({ retention: { removed: 2, removed_before: day(cutoff) } });
  });

  test("members that removed different amounts agree on the rest, and what went under a wrong clock comes back in its place", async () => {
    using home = new TemporaryDirectory();
    await using oak = nodeIn(home.path, "oak");
    await using ash = nodeIn(home.path, "ash");
    await Promise.all([oak.serve(), ash.serve()]);
    const { group_id } = await oak.ask(["group", "create", "-name", "council", "-retention", "30"]);
    const { link } = await oak.ask(["invite", "link", "-group", group_id]);
    for (const days of [25, 20, 10, 1]) await sayAt(oak, group_id, NOON - days * DAY, `${days} days ago`);
    await ash.ask(["join", link]);
    await settled(ash, { clock: "agreed" }, 4);
    const before = await held(oak);
    expect(before.map(([seq]) => seq)).toEqual([1, 2, 3, 4]);
    await ash.end();
    await oak.end();

    // Alone, 15 days ahead, for a day.
    oak.setDate(15 * DAY);
    await oak.serve();
    oak.pass(DAY + MINUTE);
    ash.pass(DAY + MINUTE);
    await say(oak, "alone");
    const cutoff = startOf(NOON - 14 * DAY);
    await settled(oak, { clock: "steady", removed: 2, removed_before: day(cutoff) }, 3);
    expect(await held(oak)).toEqual([...before.slice(2), [5, "alone"]]);
    const { stdout } = await oak.run(["query", "-group", group_id, "-after", "0", "-json-errors"]);
    const { place } = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
    const reader = oak.spawn(["tail", "-after", place]);

    // They meet: each has another date, and their roots differ, but not in what both keep.
    await ash.serve();
    const seen = await settled(oak, { clock: "disputed", removed: 2 }, 3);
    const other = await settled(ash, { clock: "disputed", removed: 0 }, 5);
    expect(seen.merkle_root).not.toBe(other.merkle_root);
    // What ash lacked it has fetched by now; who is met again is compared with at once.
    await restart(ash);
    for (const node of [oak, ash]) {
      const rows = await eventually("copies that were compared", async () => {
        const found = (await node.ask(["peers", "-group", group_id, "-json"])) as Record<string, unknown>[];
        return found.some(({ copy }) => copy === "same") ? found : undefined;
      });
      const row = rows.find(({ copy }) => copy !== undefined);
      expect(row).toMatchObject({ copy: "same", copy_since: day(cutoff) });
    }

    // The date is set right.
    oak.setDate(-15 * DAY);
    await settled(oak, { cutoff: day(NOON - 29 * DAY) });
    await oak.daemon.said("15 days back");
    expect(linesOf(oak, REMOVED)).toHaveLength(1);
    await restart(oak);
    const back = await settled(oak, { clock: "agreed", removed: 0 }, 5);
    expect(await held(oak)).toEqual([...before, [5, "alone"]]);
    await oak.daemon.said("what was removed too early is here again");
    expect(linesOf(oak, REMOVED)).toEqual([]);
    expect((await ash.group()).merkle_root).toBe(back.merkle_root);

    // Who read on all the while gets what is new, and nothing of it again; so does who goes on from that place.
    await say(ash, "after all");
    expect(await reader.json()).toMatchObject({ content: "after all", seq: 6 });
    const again = await oak.run(["tail", "-after", place, "-count", "1", "-timeout", "60s"]);
    expect([again.status, JSON.parse(again.stdout).content]).toEqual([0, "after all"]);
  });

  test("what a member dates ten years ahead fills no view, and one whose clock is behind is told so", async () => {
    using home = new TemporaryDirectory();
    await using oak = nodeIn(home.path, "oak");
    await using ash = nodeIn(home.path, "ash");
    await oak.serve();
    const { group_id } = await oak.ask(["group", "create", "-name", "council", "-retention", "30"]);
    const { link } = await oak.ask(["invite", "link", "-group", group_id, "-valid-for", "never"]);
    await ash.serve();
    await ash.ask(["join", link]);
    await ash.end();
    ash.setDate(3650 * DAY);
    await ash.serve();
    for (let n = 0; n < 12; n++) await say(ash, `ahead ${n}`);
    const asked = await eventually("what ash said", async () => {
      const { messages } = await oak.group();
      return messages === 12 ? messages : undefined;
    });
    expect(asked).toBe(12);
    oak.pass(MINUTE);
    for (let n = 0; n < 9; n++) await say(oak, `today ${n}`);
    await restart(ash);
    await settled(oak, { clock: "disputed" });
    // One member is no proof of what time it is: it is told, and nothing is refused for it.
    const last = await oak.run(["publish", "-topic", "chat", "-content", "today 9"]);
    expect(last.stderr).toMatch(
      /warning: the clock of this machine is 3,6\d\d days.* behind that of the other members/,
    );
    expect(JSON.parse(last.stdout).behind_ms / DAY).toBeCloseTo(3650, 0);

    const contents = ({ stdout }: { stdout: string }) =>
      stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).content as string]));
    const today = Array.from({ length: 10 }, (_, n) => `today ${n}`);
    expect(contents(await oak.run(["query", "-limit", "10"])).toReversed()).toEqual(today);
    expect(contents(await oak.run(["tail", "-n", "10", "-count", "10"]))).toEqual(today);
    const [topic] = (await oak.ask(["call", "topics", JSON.stringify({ group_id })])).topics;
    expect(day(topic.latest_ms)).toBe(day(NOON));
    // They are in the moot as all others are, and say when they came.
    const { merkle_root } = await oak.group();
    await settled(ash, {}, 22);
    expect((await ash.group()).merkle_root).toBe(merkle_root);
    const { stdout } = await oak.run(["query", "-limit", "22"]);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.filter(({ arrived_ms }) => arrived_ms !== undefined).map(({ content }) => content)).toHaveLength(12);
  });
});
