import { describe, expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { status } from "../../src/node/operations/daemon.ts";
import {
  PROBE_TOTAL_MAX_MS,
  PROBES_AT_ONCE,
  type ProbeRow,
  probe,
  probeBudgetMs,
  probeTimeoutMs,
} from "../../src/node/operations/diagnosis.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { type Frame, frameType, peerLanguage, type UnknownExtension } from "../../src/wire/peer/frame.ts";
import { identity, type TestIdentity } from "../support/identity.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { GROUP as group_id } from "../support/message.ts";
import { startNode, until } from "../support/nodes.ts";
import { roster } from "../support/roster.ts";

const FOUNDER = identity(1);

type Answering = (asked: Frame | UnknownExtension, by: TestIdentity) => Frame | undefined | Promise<Frame | undefined>;

/** A founder's node on a moot with these members, each of whom answers as the test says. */
async function nodeAmong(members: readonly TestIdentity[], answer: Answering, clock = realClock): Promise<EntmootNode> {
  const network = new MemoryNetwork(clock);
  for (const member of members) {
    network.join(PublicKey.fromBytes(member.publicKey)).accept((stream) => {
      void (async () => {
        await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
        const asked = await frames.read(undefined);
        const said = asked && (await answer(asked, member));
        if (said === undefined) stream.reset();
        else await frames.write(said, undefined);
      })().catch(() => {});
    });
  }
  const root = new MemoryDataRoot();
  root.createGroup(group_id).roster.append(roster([FOUNDER, ...members]).entries);
  return startNode(network, 1, { root, clock });
}

/** Says that it is there; anything else as `answer` has it. */
const alive =
  (answer: Answering, aheadMs = 0): Answering =>
  (asked, by) => {
    if (asked.kind !== "diag_ping_req") return answer(asked, by);
    const timestamp_ms = BigInt(Date.now() + aheadMs);
    return { ...asked, kind: "diag_ping_resp", responder: by.nodeId, timestamp_ms };
  };

const many = (count: number) => Array.from({ length: count }, (_, at) => identity(10 + at));
const ask = (node: EntmootNode, members: readonly TestIdentity[], timeout_ms = 0): Promise<ProbeRow[]> =>
  node
    .call(probe, { group_id, peers: members.map(({ nodeId }) => nodeId), timeout_ms })
    .then(({ peers }) => [...peers]);

describe("how many are asked, and for how long", () => {
  test("the time for one is held between 250 ms and 30 s, and for all of them to what eight at a time need", () => {
    expect([0, -1, 1, 250, 5_000, 3_600_000].map(probeTimeoutMs)).toEqual([3_000, 3_000, 250, 250, 5_000, 30_000]);
    expect([0, 1, 8, 9, 256].map((peers) => probeBudgetMs(peers, 1_000))).toEqual([2_000, 3_000, 3_000, 4_000, 34_000]);
    expect(probeBudgetMs(256, 30_000)).toBe(PROBE_TOTAL_MAX_MS);
  });

  test("eight are asked at a time", async () => {
    const members = many(20);
    let [now, most] = [0, 0];
    const gate = Promise.withResolvers<void>();
    await using node = await nodeAmong(members, async (asked, by) => {
      if (asked.kind !== "diag_ping_req") return undefined;
      most = Math.max(most, ++now);
      await gate.promise;
      now -= 1;
      return alive(() => undefined)(asked, by);
    });
    const asking = ask(node, members, 30_000);
    await until(() => now === PROBES_AT_ONCE);
    gate.resolve();
    expect((await asking).map(({ node_id, ok }) => [node_id, ok])).toEqual(members.map(({ nodeId }) => [nodeId, true]));
    expect(most).toBe(PROBES_AT_ONCE);
  });

  test("who was not reached in the time for all was not asked, which says nothing of it", async () => {
    const clock = new ManualClock();
    const members = many(40);
    const never = new Promise<undefined>(() => {});
    let asked = 0;
    const silent: Answering = (frame) => {
      if (frame.kind === "diag_ping_req") asked += 1;
      return never;
    };
    await using node = await nodeAmong(members, silent, clock);
    const asking = ask(node, members, 30_000);
    let rows: ProbeRow[] | undefined;
    void asking.then((found) => {
      rows = found;
    });
    for (let round = 1; round <= 4; round++) {
      await until(() => asked === round * PROBES_AT_ONCE);
      clock.advance(30_000);
    }
    await until(() => rows !== undefined);
    expect(Map.groupBy(rows!, ({ failure }) => failure).get("not_asked")).toHaveLength(8);
    expect(rows!.slice(0, 32).every(({ failure }) => failure === "timeout")).toBe(true);
    expect(asked).toBe(32);
  });
});

describe("what a member says", () => {
  const [ALICE] = many(1) as [TestIdentity];
  const said = async (answer: Answering): Promise<ProbeRow> => {
    await using node = await nodeAmong([ALICE], answer);
    await node.call(publish, { topics: ["chat"], content: encodeUtf8("hello") });
    return (await ask(node, [ALICE]))[0]!;
  };
  const statusOf = (asked: Frame | UnknownExtension): Frame | undefined =>
    asked.kind === "status_req" ? { ...asked, kind: "status_resp", version: "v9", policy: "", twin: false } : undefined;

  test("is its roster, its root, its clock and its version", async () => {
    expect(await said(alive(statusOf, 3_600_000))).toMatchObject({
      ok: true,
      roster: "same",
      roots: "same",
      last_message: "delivered",
      version: "v9",
      twin: false,
      clock_offset_ms: expect.closeTo(3_600_000, -5),
    });
  });

  test.each([
    ["missing", true],
    [undefined, false],
  ] as const)("of the latest message is read from itself: %s", async (last_message, isTold) => {
    const row = await said(
      alive((asked) => {
        if (asked.kind === "fetch_req") {
          return isTold ? { ...asked, kind: "fetch_resp", message: undefined, not_found: true } : undefined;
        }
        const answer = statusOf(asked);
        if (answer?.kind !== "status_resp") return undefined;
        return { ...answer, roster_head: RosterEntryId.zero, merkle_root: "55".repeat(32) as never, message_count: 9 };
      }),
    );
    expect(row).toMatchObject({ ok: true, roster: "different", roots: "different", last_message });
  });

  test("of this node's key is noted", async () => {
    await using node = await nodeAmong(
      [ALICE],
      alive((asked) => {
        const answer = statusOf(asked);
        return answer?.kind === "status_resp" ? { ...answer, twin: true } : undefined;
      }),
    );
    expect(await ask(node, [ALICE])).toMatchObject([{ twin: true }]);
    expect((await node.call(status, {})).twin_seen_ms).toBeGreaterThan(0);
  });

  test("is unknown where it says no more than that it is there, as the original", async () => {
    expect(await said(alive(() => undefined))).toMatchObject({
      ok: true,
      roster: undefined,
      roots: undefined,
      last_message: undefined,
    });
  });

  test("against this node is told in a word", async () => {
    const refused =
      (code: string): Answering =>
      (asked) =>
        ({ kind: "refused", of_type: frameType(asked.kind as Frame["kind"]), code, message: "no" }) as never;
    expect(await said(refused("not_member"))).toMatchObject({ ok: false, failure: "stranger", error: "no" });
    expect(await said(refused("rate_limited"))).toMatchObject({ ok: false, failure: "refused" });
    expect(await said(refused("unknown_frame"))).toMatchObject({ ok: false, failure: "unsupported" });
    const other: Answering = (asked) =>
      asked.kind === "diag_ping_req" ? { ...asked, kind: "diag_ping_resp", responder: 4711 } : undefined;
    expect(await said(() => ({ kind: "refused", code: "x" }) as never)).toMatchObject({ ok: false });
    expect(await said(other)).toMatchObject({ ok: false, failure: "refused", error: "peer answered another question" });
  });
});
