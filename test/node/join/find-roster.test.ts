import { expect, test } from "bun:test";
import { createInvite } from "../../../src/core/admission/invite.ts";
import { later, steadyMs } from "../../../src/core/clock.ts";
import { MerkleRoot, PublicKey } from "../../../src/core/ids.ts";
import type { RosterEntry } from "../../../src/core/record/records.ts";
import type { RosterLog } from "../../../src/core/roster/roster-log.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { DialBackoff } from "../../../src/machine/dial-backoff.ts";
import { MACHINE_DEFAULTS } from "../../../src/machine/machine-config.ts";
import { Peers } from "../../../src/node/carrier/peers.ts";
import { findRoster } from "../../../src/node/join/find-roster.ts";
import { FirstRoster } from "../../../src/node/join/first-roster.ts";
import { JoinRoom } from "../../../src/node/join/join-room.ts";
import { Turns } from "../../../src/node/turns.ts";
import { FramedStream } from "../../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { peerLanguage } from "../../../src/wire/peer/frame.ts";
import { budgetOf } from "../../support/budget.ts";
import { identity } from "../../support/identity.ts";
import { GROUP } from "../../support/message.ts";
import { changed, roster } from "../../support/roster.ts";

const [FOUNDER, ALICE] = [identity(1), identity(2)];
const keyOf = ({ publicKey }: typeof FOUNDER) => PublicKey.fromBytes(publicKey);

/** A log of so many entries, Alice the second of them. */
function logOf(length: number): RosterLog {
  let log = roster([FOUNDER, ALICE]);
  for (let n = 2; n < length; n++) log = changed(log, FOUNDER, { op: "add", key: identity(100 + n).publicKey });
  return log;
}

const forged = (entry: RosterEntry) => ({ ...entry, signature: new Uint8Array(64) });

/** Alice looks for the roster with the founder, who answers each question with the next of `pages`, the last one again and again. */
async function found(
  log: RosterLog,
  pages: readonly (readonly RosterEntry[])[],
  room = new JoinRoom(),
  told = (_: string) => {},
) {
  const network = new MemoryNetwork(realClock);
  let asked = 0;
  network.join(keyOf(FOUNDER)).accept(async (stream) => {
    await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
    await frames.read();
    const entries = pages[Math.min(asked, pages.length - 1)]!;
    asked += 1;
    const last = entries.at(-1) === log.entries.at(-1);
    await frames.write({ kind: "roster_page_resp", group_id: GROUP, entries, last, name: "" });
  });
  const backoff = new DialBackoff(MACHINE_DEFAULTS);
  const budget = budgetOf(realClock);
  const transport = network.join(keyOf(ALICE));
  const peers = new Peers({ transport, hints: () => [], backoff, budget, clock: realClock });
  const nowMs = BigInt(Date.now());
  const fields = {
    merkle_root: MerkleRoot.zero,
    group_id: GROUP,
    founder: FOUNDER.info,
    issuer: FOUNDER.info,
    roster_head: log.head,
    bootstrap_peers: [],
    issued_at: nowMs,
    valid_until: nowMs + 60_000n,
  };
  const invite = createInvite(fields, FOUNDER.seed);
  const attempt = {
    deadline: later(realClock.steady(), 60_000),
    signal: undefined,
    progress: ({ message }: { message: string }) => told(message),
  };
  const parts = { peers, local: keyOf(ALICE), config: MACHINE_DEFAULTS, clock: realClock, room, turns: budget.turns };
  const outcome = await findRoster(parts, invite, attempt).catch((error: unknown) => error);
  return { outcome, asked };
}

test("a roster is found page by page", async () => {
  const log = logOf(12);
  const { outcome, asked } = await found(log, [log.entries.slice(0, 5), log.entries.slice(5)]);
  expect(outcome).toMatchObject({ log: { entries: log.entries } });
  expect(asked).toBe(2);
});

test("no page is asked for behind one with a bad entry", async () => {
  const log = logOf(12);
  const bad = [...log.entries.slice(0, 3), forged(log.entries[3]!), ...log.entries.slice(4, 8)];
  const { outcome, asked } = await found(log, [bad]);
  expect(outcome).toMatchObject({ code: "roster_rejected", message: expect.stringContaining("broken at entry 4") });
  expect(asked).toBe(1);
});

test("a founder that signs entries without end is heard for so much in one join, however often it is asked", async () => {
  const log = logOf(40);
  const pages = Array.from({ length: 8 }, (_, n) => log.entries.slice(5 * n, 5 * n + 5));
  const room = new JoinRoom({ heldBytesMax: 18 * 700, sumBytesMax: 30_000 });
  const { outcome, asked } = await found(log, pages, room);
  expect(outcome).toMatchObject({ code: "roster_rejected", message: expect.stringContaining("than one join takes") });
  expect(asked).toBe(5);
  // What was held is given back, the sum is not.
  using part = room.part();
  expect(part.take(log.entries.slice(0, 15))).toBe("taken");
  part[Symbol.dispose]();
  expect(part.take(log.entries.slice(0, 15))).toBe("taken");
  part[Symbol.dispose]();
  expect(part.take(log.entries.slice(0, 15))).toBe("too much");
});

test("a log that somebody else founded takes no room from the one that is looked for", async () => {
  const log = logOf(12);
  const made = changed(roster([ALICE]), ALICE, { op: "add", key: identity(9).publicKey });
  const room = new JoinRoom({ heldBytesMax: 12 * 700, sumBytesMax: 12 * 700 });
  const { outcome, asked } = await found(log, [made.entries], room);
  expect(outcome).toMatchObject({ code: "roster_rejected", message: expect.stringContaining("a founder other than") });
  expect(asked).toBe(1);
  using part = room.part();
  expect(part.take(log.entries)).toBe("taken");
});

test("a candidate for whose roster there was no room beside others' is asked again", async () => {
  const log = logOf(12);
  const room = new JoinRoom({ heldBytesMax: 12 * 700, sumBytesMax: 100 * 700 });
  const others = room.part();
  expect(others.take(log.entries.slice(0, 6))).toBe("taken");
  const { outcome, asked } = await found(log, [log.entries], room, (message) => {
    if (message.includes("no room")) others[Symbol.dispose]();
  });
  expect(outcome).toMatchObject({ log: { entries: log.entries } });
  expect(asked).toBe(2);
});

test("joins at the same time hold no more together than one, and each has a sum of its own", async () => {
  const log = logOf(12);
  const room = new JoinRoom({ heldBytesMax: 12 * 700, sumBytesMax: 12 * 700 });
  const others = room.beside().part();
  expect(others.take(log.entries.slice(0, 8))).toBe("taken");
  const { outcome, asked } = await found(log, [log.entries], room.beside(), (message) => {
    if (message.includes("no room")) others[Symbol.dispose]();
  });
  expect(outcome).toMatchObject({ log: { entries: log.entries } });
  expect(asked).toBe(2);
});

test("the first roster of a join is verified in turns, each signature once", async () => {
  let now = 0;
  let round = 0;
  const looks: number[] = [];
  const entries = logOf(100).entries.map((entry) => ({
    ...entry,
    get signature() {
      // As long as a look at a signature may take.
      now += 1;
      looks.push(round);
      return entry.signature;
    },
  }));
  const clock = { ...realClock, steady: () => steadyMs(now) };
  const first = new FirstRoster(new Turns(clock));
  let isOver = false;
  const taking = first.take(entries).finally(() => {
    isOver = true;
  });
  for (; !isOver; round++) await new Promise(setImmediate);
  expect(await taking).toBe(true);
  expect(first.log().head).toBe(entries.at(-1)!.id);
  const perEntry = looks.length / entries.length;
  // A turn has five milliseconds.
  for (const count of Map.groupBy(looks, (at) => at).values()) expect(count.length).toBeLessThanOrEqual(5 + perEntry);
  expect(perEntry).toBeLessThanOrEqual(2);
});
