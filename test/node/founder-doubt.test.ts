import { expect, test } from "bun:test";
import { copyFileSync, cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { type GroupId, PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { join as joinMoot, link_create } from "../../src/node/operations/invites.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create, roster_change } from "../../src/node/operations/moots.ts";
import { TwinWatch } from "../../src/node/twin-watch.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { peerLanguage } from "../../src/wire/peer/frame.ts";
import { FAST } from "../support/fast-config.ts";
import { identity } from "../support/identity.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";
import { ALICE, nodeWithRawMember } from "../support/raw-member.ts";
import { statusQuestion } from "../support/status-question.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const NEWCOMER = PublicKey.fromBytes(identity(9).publicKey);
const mootOf = async (node: EntmootNode) => (await node.call(status, {})).groups[0]!;
const addNewcomer = (node: EntmootNode, group_id: GroupId, alone = false) =>
  node.call(roster_change, { group_id, op: "add", entmoot_pubkey: NEWCOMER, alone });

/** What an old copy is, and how it comes to stand where the data root was. */
const RESTORED: readonly [string, (path: string, copy: string, directory: string) => void][] = [
  [
    "a copy of the whole data root",
    (path, copy) => {
      rmSync(path, { recursive: true });
      renameSync(copy, path);
    },
  ],
  [
    "a moot's database alone, written into the same file",
    (path, copy, directory) => copyFileSync(join(copy, directory), join(path, directory)),
  ],
];

test.each(RESTORED)(
  "a founder that finds %s signs nothing for its roster until it has met a member",
  async (_, put) => {
    using directory = new TemporaryDirectory();
    const [path, copy] = [join(directory.path, "root"), join(directory.path, "copy")];
    const network = new MemoryNetwork(realClock);
    const alice = await startNode(network, 2, { parts: { config: FAST } });
    await using _alice = alice;
    const open = (on?: MemoryNetwork) =>
      startNode(on, 1, { root: SqliteDataRoot.open(path, "write"), parts: { config: FAST } });
    let group_id: GroupId;
    {
      await using founder = await open(network);
      ({ group_id } = await founder.call(group_create, OPEN_GROUP));
      const { link } = await founder.call(link_create, { group_id });
      await alice.call(joinMoot, { input: link, timeout_ms: 60_000 });
    }
    cpSync(path, copy, { recursive: true });
    {
      await using founder = await open(network);
      expect((await mootOf(founder)).doubt).toBeUndefined();
      await founder.call(roster_change, {
        group_id,
        op: "add",
        entmoot_pubkey: PublicKey.fromBytes(identity(8).publicKey),
      });
      await founder.call(publish, { group_id, topics: ["chat"], content: encodeUtf8("later") });
      await until(async () => (await mootOf(alice)).members === 3 && (await mootOf(alice)).messages === 1);
    }
    put(path, copy, join("groups", groupDirectoryName(group_id), "moot.sqlite"));
    {
      await using alone = await open();
      expect((await mootOf(alone)).doubt).toBeDefined();
      await expect(addNewcomer(alone, group_id)).rejects.toMatchObject({ code: "unavailable" });
    }
    {
      await using founder = await open(network);
      // It waits for Alice, and then goes on from what she has.
      await addNewcomer(founder, group_id);
      expect(await mootOf(founder)).toMatchObject({ members: 4, messages: 1, doubt: undefined, fork: undefined });
    }
    await using again = await open();
    expect((await mootOf(again)).doubt).toBeUndefined();
  },
);

test("a founder that goes on alone, or moved its data root with nobody else in its roster, may sign at once", async () => {
  using directory = new TemporaryDirectory();
  const [path, moved] = [join(directory.path, "root"), join(directory.path, "moved")];
  let group_id: GroupId;
  {
    await using founder = await startNode(undefined, 1, { root: SqliteDataRoot.open(path, "write") });
    ({ group_id } = await founder.call(group_create, OPEN_GROUP));
  }
  renameSync(path, moved);
  {
    await using founder = await startNode(undefined, 1, { root: SqliteDataRoot.open(moved, "write") });
    await addNewcomer(founder, group_id);
  }
  renameSync(moved, path);
  await using founder = await startNode(undefined, 1, { root: SqliteDataRoot.open(path, "write") });
  const other = { group_id, op: "add", entmoot_pubkey: PublicKey.fromBytes(identity(8).publicKey) } as const;
  await expect(founder.call(roster_change, other)).rejects.toMatchObject({ code: "unavailable" });
  await founder.call(roster_change, { ...other, alone: true });
  expect((await mootOf(founder)).doubt).toBeUndefined();
});

test("a founder with nobody else in its roster signs nothing in a copy of its data root until its owner's word", async () => {
  using directory = new TemporaryDirectory();
  const [path, copy] = [join(directory.path, "root"), join(directory.path, "copy")];
  const network = new MemoryNetwork(realClock);
  let group_id: GroupId;
  {
    await using founder = await startNode(undefined, 1, { root: SqliteDataRoot.open(path, "write") });
    ({ group_id } = await founder.call(group_create, OPEN_GROUP));
  }
  cpSync(path, copy, { recursive: true });
  {
    // With a carrier too it waits for nobody: there is nobody to wait for.
    await using twin = await startNode(network, 1, { root: SqliteDataRoot.open(copy, "write") });
    expect(await mootOf(twin)).toMatchObject({ members: 1, doubt: expect.stringContaining("another file") });
    const refused = { code: "unavailable", message: expect.stringContaining("invite link -group") };
    await expect(addNewcomer(twin, group_id)).rejects.toMatchObject(refused);
    await using alice = await startNode(network, 2, {});
    const { link } = await twin.call(link_create, { group_id });
    expect((await mootOf(twin)).doubt).toBeDefined();
    await twin.call(link_create, { group_id, alone: true });
    expect((await mootOf(twin)).doubt).toBeUndefined();
    await alice.call(joinMoot, { input: link, timeout_ms: 60_000 });
  }
  await using founder = await startNode(undefined, 1, { root: SqliteDataRoot.open(path, "write") });
  expect((await mootOf(founder)).doubt).toBeUndefined();
});

test("a key that runs twice is told so by the members that both ask, and a restart is none", () => {
  const watch = new TwinWatch(new ManualClock());
  const alice = PublicKey.fromBytes(ALICE.publicKey);
  expect(["a", "a", "b", "b", "c"].map((instance) => watch.heard(alice, instance))).toEqual(Array(5).fill(false));
  expect([watch.heard(alice, "b"), watch.heard(alice, "c")]).toEqual([true, true]);
  expect(watch.heard(NEWCOMER, "b")).toBe(false);
});

test("both of two programs with one key are told, the founder's says it and signs nothing", async () => {
  await using it = await nodeWithRawMember({ parts: { config: FAST } });
  const { alice, group_id, node } = it;
  const says = (instance: string) => statusQuestion(group_id, { instance });
  const answers = await alice.say(says("one"), says("two"), says("one"), says("two"));
  expect(answers.map((answer) => answer.kind === "status_resp" && answer.twin)).toEqual([false, false, true, true]);
  // And this node is told of its own key.
  alice.transport.accept((stream) => {
    void (async () => {
      await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
      const signal = AbortSignal.timeout(60_000);
      const asked = await frames.read(signal).catch(() => undefined);
      if (asked?.kind !== "status_req") return stream.reset();
      await frames.write({ ...asked, kind: "status_resp", version: "", policy: "", twin: true }, signal);
    })().catch(() => {});
  });
  await until(async () => (await node.call(status, {})).twin_seen_ms > 0);
  await expect(addNewcomer(node, group_id)).rejects.toMatchObject({ code: "conflict" });
  await addNewcomer(node, group_id, true);
});
