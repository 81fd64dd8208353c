import { describe, expect, spyOn, test } from "bun:test";
import { steadyMs } from "../../../src/core/clock.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import { MerkleRoot, type MessageId, PublicKey, RosterEntryId } from "../../../src/core/ids.ts";
import { formatPolicy, POLICY_PRESETS } from "../../../src/core/policy/policy.ts";
import { decodeMessage, messageCanonical } from "../../../src/core/record/message.ts";
import type { Message } from "../../../src/core/record/records.ts";
import type { RosterLog } from "../../../src/core/roster/roster-log.ts";
import { createLog } from "../../../src/host/log.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { DialBackoff } from "../../../src/machine/dial-backoff.ts";
import type { AskEffect, Report, SendEffect } from "../../../src/machine/effect.ts";
import type { Event, NetworkFailure } from "../../../src/machine/event.ts";
import { MACHINE_DEFAULTS, type MachineConfig } from "../../../src/machine/machine-config.ts";
import { LOOK_EVERY_MS } from "../../../src/node/carrier/answer-pace.ts";
import { CarryOut } from "../../../src/node/carrier/carry-out.ts";
import { Peers } from "../../../src/node/carrier/peers.ts";
import { ProofSeeker } from "../../../src/node/carrier/proof-seeker.ts";
import { Group } from "../../../src/node/group/group.ts";
import { Turns } from "../../../src/node/turns.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { OutOfFiles, StoreBusy } from "../../../src/store/store-failures.ts";
import { FramedStream } from "../../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import type { FetchManyResp, FetchOutcome } from "../../../src/wire/peer/fetch-many-frames.ts";
import { encodeFrame, type Frame, peerLanguage } from "../../../src/wire/peer/frame.ts";
import { idPage } from "../../../src/wire/peer/id-page.ts";
import { budgetOf } from "../../support/budget.ts";
import { groupParts } from "../../support/group-parts.ts";
import { identity, type TestIdentity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP, message } from "../../support/message.ts";
import { until } from "../../support/nodes.ts";
import { changed, roster } from "../../support/roster.ts";
import { NOTHING_SHARED } from "../../support/status-question.ts";

const [FOUNDER, ALICE, BOB] = [identity(1), identity(2), identity(3)] as const;
const LOG = roster([FOUNDER, ALICE, BOB]);
const keyOf = ({ publicKey }: TestIdentity) => PublicKey.fromBytes(publicKey);
const [founder, alice, bob] = [keyOf(FOUNDER), keyOf(ALICE), keyOf(BOB)] as const;

/** What a peer of the tests does about a frame: answers or not, breaks the stream, or keeps it open for good. */
type Script = (frame: Frame) => Frame | undefined | "break" | "hold";

/** Members may pay once, whatever it is, and no more until the clock moves. */
const ONE_PAYMENT = { ...MACHINE_DEFAULTS.work, burstMs: 0.001, sureBurstMs: 0, waitMaxMs: 0 };

interface Given {
  readonly log?: RosterLog;
  readonly local?: TestIdentity;
  readonly work?: MachineConfig["work"];
}

/** Bob's copy of a group, what carries out its effects, and what the machines are told of it. */
function world({ log = LOG, local = BOB, work = MACHINE_DEFAULTS.work }: Given = {}) {
  const clock = new ManualClock();
  const network = new MemoryNetwork(clock);
  const store = new MemoryGroupStore(GROUP);
  store.roster.append(log.entries);
  const told: Event[] = [];
  const reports: Report[] = [];
  const failed: string[] = [];
  const here = keyOf(local);
  const backoff = new DialBackoff(MACHINE_DEFAULTS);
  const budget = budgetOf(clock, { work });
  const peers = new Peers({ transport: network.join(here), hints: () => [], backoff, budget, clock });
  // What the machines decide stays undone: a test carries out what it is about.
  const group = new Group(groupParts({ store, local: here, clock }));
  group.start();
  const tell = group.tell.bind(group);
  group.tell = (event) => {
    told.push(event);
    tell(event);
  };
  const carryOut = new CarryOut({
    peers,
    clock,
    turns: budget.turns,
    onReport: (_, report) => reports.push(report),
    onFailed: (_, error) => failed.push(error.code),
  });
  /** A peer that answers by `script`, and all it hears. */
  const peer = (key: PublicKey, script: Script = () => undefined) => {
    const heard: Frame[] = [];
    network.join(key).accept(async (stream) => {
      const frames = new FramedStream(stream, peerLanguage(stream.dialect));
      for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) {
        if (frame.kind === "unknown_extension") throw new Error("not a frame of ours");
        heard.push(frame);
        const answer = script(frame);
        if (answer === "hold") return;
        if (answer === "break") return frames.reset();
        if (answer !== undefined) await frames.write(answer);
      }
      await frames[Symbol.asyncDispose]();
    });
    return heard;
  };
  /** A peer that answers what it is asked with a head that promises a large frame; what it gives lets a byte more drop. */
  const trickle = (key: PublicKey) => {
    const { promise, resolve } = Promise.withResolvers<() => Promise<void>>();
    network.join(key).accept(async (stream) => {
      await new FramedStream(stream, peerLanguage(stream.dialect)).read();
      await stream.write(Uint8Array.of(0, 15, 0, 0, 0x85));
      resolve(() => stream.write(new Uint8Array(1)));
    });
    return promise;
  };
  const kept = (...messages: Message[]) => {
    store.messages.putMany(messages.map(keptMessage));
    return messages.map(({ id }) => id);
  };
  const run = (...effects: Parameters<CarryOut["run"]>[1]) => carryOut.run(group, effects);
  /** Carries out a question and gives what the machines are told once it is over. */
  const ask = async (effect: AskEffect) => {
    const isEnd = ({ kind }: Event) => kind === "failed" || kind === ENDS_IN[effect.kind];
    const before = told.length;
    run(effect);
    await until(() => told.slice(before).some(isEnd));
    return told.slice(before).find(isEnd)!;
  };
  return {
    budget,
    clock,
    network,
    store,
    told,
    reports,
    failed,
    peers,
    group,
    carryOut,
    peer,
    trickle,
    kept,
    run,
    ask,
  };
}

const ENDS_IN = {
  ask_status: "status",
  ask_ids: "ids_page",
  ask_roster: "roster",
  ask_forks: "roster",
  fetch: "fetched",
} as const;

/** A message of `BOB` that only `n` tells from others. */
const said = (n: number, bytes = 5) =>
  message({ by: BOB, timestamp: 1_700_000_010_000n + BigInt(n), content: new Uint8Array(bytes) });

const failures = (told: readonly Event[]) => told.filter((event) => event.kind === "failed");

/** Lets what is under way go on without moving the clock. */
const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
};

describe("a timer", () => {
  test("is told at its time and not before", () => {
    const { clock, run, told } = world();
    run({ kind: "schedule", timer: "graft", afterMs: 500 }, { kind: "schedule", timer: "retry", afterMs: 700 });
    clock.advance(499);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual([{ kind: "timer", timer: "graft" }]);
    clock.advance(200);
    expect(told).toEqual([
      { kind: "timer", timer: "graft" },
      { kind: "timer", timer: "retry" },
    ]);
  });

  test("is told no more after the close", () => {
    const { carryOut, clock, run, told } = world();
    run({ kind: "schedule", timer: "graft", afterMs: 500 });
    carryOut.close();
    clock.advance(1_000);
    expect([told, clock.waiting]).toEqual([[], 0]);
  });

  test("that meets a damaged store is reported, and the next one fires", () => {
    const { clock, failed, group, run, store, told } = world();
    group.tell({ kind: "ihave", from: alice, ids: [said(1).id] });
    store.messages.knows = () => {
      throw new EntmootError("internal", "a damaged row");
    };
    run({ kind: "schedule", timer: "graft", afterMs: 5_000 }, { kind: "schedule", timer: "retry", afterMs: 5_001 });
    clock.advance(5_001);
    expect(failed).toEqual(["internal"]);
    expect(told.at(-1)).toEqual({ kind: "timer", timer: "retry" });
  });
});

test("a report goes to whoever wants reports", () => {
  const { reports, run } = world();
  const report = { what: "roster_forked", peer: alice } as const;
  run({ kind: "report", report });
  expect(reports).toEqual([report]);
});

describe("a one-way effect", () => {
  test("goes out as its frame, in order", async () => {
    const { kept, peer, run, told } = world();
    const heard = peer(alice);
    const messages = [said(1), said(2)];
    const ids = kept(...messages);
    run(
      { kind: "push", to: alice, ids },
      { kind: "ihave", to: alice, ids },
      { kind: "graft", to: alice, ids: [] },
      { kind: "prune", to: alice },
      { kind: "push_roster", to: alice },
    );
    await until(() => heard.length === 5);
    expect(heard).toEqual([
      { kind: "push", group_id: GROUP, bodies: messages.map((one) => Buffer.from(messageCanonical(one))) },
      { kind: "ihave", group_id: GROUP, ids },
      { kind: "graft", group_id: GROUP, ids: [] },
      { kind: "prune", group_id: GROUP },
      { kind: "roster_resp", group_id: GROUP, entries: LOG.entries },
    ]);
    expect(told).toEqual([]);
  });

  test("tells several members of a roster with one frame, and nobody of a later change with it", async () => {
    const { peer, run } = world();
    peer(alice);
    using send = spyOn(Peers.prototype, "send");
    run({ kind: "push_roster", to: alice }, { kind: "push_roster", to: bob });
    run({ kind: "push_roster", to: alice });
    const [first, second, third] = send.mock.calls.map(([, frame]) => frame);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(third).toEqual(first!);
  });

  test("skips what is no longer held, and sends nothing when nothing is", async () => {
    const { kept, peer, run, told } = world();
    const heard = peer(alice);
    const [id] = kept(said(1));
    run({ kind: "push", to: alice, ids: [said(2).id] }, { kind: "push", to: alice, ids: [said(3).id, id!] });
    run({ kind: "prune", to: alice });
    await until(() => heard.at(-1)?.kind === "prune");
    expect(heard.map(({ kind }) => kind)).toEqual(["push", "prune"]);
    expect(pushed(heard)).toEqual([id!]);
    expect(told).toEqual([]);
  });

  test("of many large messages sends the first 4 MiB, a frame of 1 MiB each, and reads no more", async () => {
    const { kept, peer, run, store } = world();
    const heard = peer(alice);
    const ids = kept(...Array.from({ length: 8 }, (_, n) => said(n, 700_000)));
    const get = store.messages.get.bind(store.messages);
    let read = 0;
    store.messages.get = (id) => {
      read += 1;
      return get(id);
    };
    run({ kind: "push", to: alice, ids }, { kind: "prune", to: alice });
    await until(() => heard.at(-1)?.kind === "prune");
    expect(heard.map(({ kind }) => kind)).toEqual(["push", "push", "push", "push", "prune"]);
    expect([pushed(heard), read]).toEqual([ids.slice(0, 4), 4]);
  });

  test("to one that takes nothing is not even read, once as much waits for it as may, and fails", async () => {
    const { kept, peer, run, store, told } = world();
    peer(alice, () => "hold");
    const ids = kept(...Array.from({ length: 4 }, (_, n) => said(n, 700_000)));
    const get = store.messages.get.bind(store.messages);
    let read = 0;
    store.messages.get = (id) => {
      read += 1;
      return get(id);
    };
    for (let n = 0; n < 10; n++) run({ kind: "push", to: alice, ids });
    expect(read).toBeLessThan(12);
    await until(() => told.length > 0);
    expect(told[0]).toMatchObject({ kind: "failed", effect: { kind: "push" }, failure: "unreachable" });
  });

  test("passes a body over that cannot be read, and takes nothing with it", async () => {
    const { clock, failed, kept, peer, run, store, told } = world();
    const heard = peer(alice);
    const ids = kept(said(1), said(2));
    const get = store.messages.get.bind(store.messages);
    store.messages.get = (id) => {
      if (id === ids[0]) throw new EntmootError("data_root_invalid", "a damaged row");
      return get(id);
    };
    run({ kind: "push", to: alice, ids }, { kind: "schedule", timer: "retry", afterMs: 1 });
    await until(() => heard.length === 1);
    clock.advance(1);
    expect([pushed(heard), failed, told]).toEqual([
      [ids[1]!],
      ["data_root_invalid"],
      [{ kind: "timer", timer: "retry" }],
    ]);
  });

  test("of several frames fails as one", async () => {
    const { kept, run, told } = world();
    const ids = kept(said(1, 700_000), said(2, 700_000), said(3, 700_000));
    const effects: SendEffect[] = [
      { kind: "push", to: alice, ids },
      { kind: "prune", to: alice },
    ];
    run(...effects);
    await until(() => failures(told).length === 2);
    await turns();
    expect(told).toEqual(effects.map((effect) => ({ kind: "failed", effect, failure: "unreachable" as const })));
  });

  test("is told as not tried while its peer may not be dialled, and is tried again after", async () => {
    const { clock, run, told } = world();
    const failure = async () => {
      const before = told.length;
      run({ kind: "prune", to: alice });
      await until(() => told.length > before);
      return told.at(-1)!;
    };
    expect(await failure()).toMatchObject({ failure: "unreachable" });
    expect(await failure()).toMatchObject({ failure: "backoff" });
    clock.advance(MACHINE_DEFAULTS.dialBackoff.waitFirstMs);
    expect(await failure()).toMatchObject({ failure: "unreachable" });
  });
});

/** The ids of the messages pushed, in order. */
function pushed(heard: readonly Frame[]): MessageId[] {
  return heard.flatMap((frame) => (frame.kind === "push" ? frame.bodies.map((body) => decodeMessage(body).id) : []));
}

describe("what was held until its author was known", () => {
  const held = (one: Message, from: PublicKey) =>
    ({ id: one.id, from, author: bob, canonical: messageCanonical(one) }) as const;

  test("is stored as if its sender had just pushed it", async () => {
    const { run, store, told } = world();
    const one = said(1);
    run({ kind: "recheck", messages: [held(one, alice)] });
    await until(() => told.length > 0);
    expect(told).toEqual([{ kind: "stored", ids: [one.id], from: alice, via: "push" }]);
    expect(store.messages.has(one.id)).toBe(true);
  });

  test("and cannot be kept on a full disk is reported, and what others sent is stored", async () => {
    const { failed, run, store, told } = world();
    const [lost, next] = [said(1), said(2)];
    const put = store.messages.putMany.bind(store.messages);
    store.messages.putMany = () => {
      store.messages.putMany = put;
      throw new EntmootError("disk_full", "no room");
    };
    run({ kind: "recheck", messages: [held(lost, alice), held(next, founder)] });
    await until(() => told.length > 0);
    expect(told).toEqual([{ kind: "stored", ids: [next.id], from: founder, via: "push" }]);
    expect(failed).toEqual(["disk_full"]);
    // Nothing of it is remembered: whoever brings it again finds a node that takes it.
    run({ kind: "recheck", messages: [held(lost, alice)] });
    await until(() => store.messages.has(lost.id));
  });
});

describe("a question for status", () => {
  const POLICY = formatPolicy(POLICY_PRESETS.standard);
  const copy = {
    group_id: GROUP,
    roster_head: LOG.head,
    roster_length: LOG.entries.length,
    merkle_root: MerkleRoot.zero,
    message_count: 7,
    ...NOTHING_SHARED,
  };
  const status: Script = () => ({ kind: "status_resp", ...copy, version: "test", policy: POLICY, twin: false });
  const refuses =
    (code: string): Script =>
    ({ kind }) =>
      kind === "status_req" ? { kind: "refused", of_type: 0x81, code, message: "no", group_id: GROUP } : undefined;

  test("carries our own status, and ends in the peer's", async () => {
    const { ask, group, peer } = world();
    const heard = peer(alice, status);
    const answer = await ask({ kind: "ask_status", to: alice });
    expect(answer).toEqual({ kind: "status", from: alice, status: expect.objectContaining(copy), isQuestion: false });
    expect(heard).toEqual([{ kind: "status_req", ...group.question(alice) }]);
  });

  test("takes the group's policy from its founder alone", async () => {
    const { ask, group, peer } = world();
    peer(alice, status);
    peer(founder, status);
    await ask({ kind: "ask_status", to: alice });
    expect(group.policy.firstText).toBe("");
    await ask({ kind: "ask_status", to: founder });
    expect(group.policy.firstText).toBe(POLICY);
  });

  test("that is refused to a stranger tells the peer of our admission", async () => {
    const { ask, peer } = world();
    const heard = peer(alice, refuses("not_member"));
    expect(await ask({ kind: "ask_status", to: alice })).toMatchObject({ kind: "failed", failure: "refused" });
    await until(() => heard.length === 2);
    expect(heard[1]).toEqual({ kind: "roster_resp", group_id: GROUP, entries: LOG.entries });
  });

  test("that is refused for another reason, or to one who is no member, tells nothing", async () => {
    const removed = changed(LOG, FOUNDER, { op: "remove", nodeId: BOB.nodeId, key: BOB.publicKey });
    const worlds = [
      { it: world(), code: "rate_limited" },
      { it: world({ log: removed }), code: "not_member" },
    ];
    for (const { it, code } of worlds) {
      const heard = it.peer(alice, refuses(code));
      expect(await it.ask({ kind: "ask_status", to: alice })).toMatchObject({ kind: "failed", failure: "refused" });
      it.run({ kind: "prune", to: alice });
      await until(() => heard.at(-1)?.kind === "prune");
      expect(heard.map(({ kind }) => kind)).toEqual(["status_req", "prune"]);
    }
  });

  test("introduces us with as many entries as a stranger may say", async () => {
    const others = Array.from({ length: 100 }, (_, n) => identity(100 + n));
    const log = roster([FOUNDER, ...others, BOB]);
    const { ask, peer } = world({ log });
    const heard = peer(alice, refuses("not_member"));
    await ask({ kind: "ask_status", to: alice });
    await until(() => heard.length === 2);
    const introduction = heard[1]!;
    expect(introduction).toEqual({ kind: "roster_resp", group_id: GROUP, entries: log.entries.slice(-90) });
    expect(encodeFrame(introduction, "entmoot/1").length).toBeLessThan(48 * 1024);
  });
});

test("a question for ids names where to go on, and ends in a page", async () => {
  const { ask, peer } = world();
  const ids = [said(1).id, said(2).id];
  const place = (n: number) => ({ timestamp: BigInt(n), author_node_id: BOB.nodeId, id: ids[1]! });
  const heard = peer(alice, () => ({ kind: "ids_resp", group_id: GROUP, ids: idPage(ids), next: place(2) }));
  const page = await ask({ kind: "ask_ids", to: alice, after: place(1), limit: 2 });
  expect(page).toEqual({ kind: "ids_page", from: alice, ids, next: place(2) });
  expect(heard).toEqual([{ kind: "ids_req", group_id: GROUP, limit: 2, after: place(1) }]);
});

describe("a question for the roster", () => {
  const page = (entries: RosterLog["entries"], last = true) =>
    ({ kind: "roster_page_resp", group_id: GROUP, entries, last, name: "" }) as const;
  const longer = [identity(4), identity(5)].reduce(
    (log, { publicKey: key, nodeId }) => changed(log, FOUNDER, { op: "add", key, nodeId }),
    LOG,
  );
  const after = (heard: readonly Frame[]) =>
    heard.map((frame) => (frame.kind === "roster_page_req" ? frame.after : undefined));

  test("asks for what is behind our head, page by page", async () => {
    const { ask, group, peer } = world();
    const [first, second] = longer.entries.slice(-2);
    const heard = peer(alice, (question) =>
      question.kind === "roster_page_req" && question.after === LOG.head ? page([first!], false) : page([second!]),
    );
    expect(await ask({ kind: "ask_roster", to: alice })).toEqual({ kind: "roster", from: alice, outcome: "extended" });
    expect(after(heard)).toEqual([LOG.head, first!.id]);
    expect(group.roster.head).toBe(longer.head);
  });

  test("is asked for no further page behind one with an entry that is not the founder's", async () => {
    const { ask, group, peer } = world();
    const { entries } = changed(LOG, FOUNDER, { op: "add", key: identity(50).publicKey });
    const forged = { ...entries.at(-1)!, signature: new Uint8Array(64) };
    const heard = peer(alice, () => page([forged], false));
    expect(await ask({ kind: "ask_roster", to: alice })).toMatchObject({ kind: "roster", outcome: "rejected" });
    expect(after(heard)).toEqual([LOG.head]);
    expect(group.roster.head).toBe(LOG.head);
  });

  test("is asked for no further page behind one that says again what was said", async () => {
    const { ask, peer } = world();
    const heard = peer(alice, () => page([LOG.entries[0]!, LOG.entries[0]!], false));
    await ask({ kind: "ask_roster", to: alice });
    expect(heard).toHaveLength(1);
  });

  test("of forks is asked for no further page behind one with an entry that is nobody's, or was there before", async () => {
    const { ask, group, peer } = world();
    const { entries } = changed(LOG, FOUNDER, { op: "add", key: identity(50).publicKey });
    const forged = { ...entries.at(-1)!, signature: new Uint8Array(64) };
    const forks = (told: RosterLog["entries"]) =>
      ({ kind: "roster_forks_resp", group_id: GROUP, entries: told, heals: [], last: false }) as const;
    const heard = peer(alice, () => forks([forged]));
    await ask({ kind: "ask_forks", to: alice });
    expect(heard).toHaveLength(1);
    const again = peer(founder, () => forks(LOG.entries.slice(-1)));
    await ask({ kind: "ask_forks", to: founder });
    expect(again).toHaveLength(2);
    expect(group.roster.head).toBe(LOG.head);
  });

  test("is paid for by who answers, and over once it cannot pay", async () => {
    const { ask, budget, peer } = world({ work: ONE_PAYMENT });
    const heard = peer(alice, () => page([]));
    expect(await ask({ kind: "ask_roster", to: alice })).toMatchObject({ kind: "roster", outcome: "same" });
    expect(await ask({ kind: "ask_roster", to: alice })).toMatchObject({ kind: "failed", failure: "refused" });
    expect(heard).toHaveLength(2);
    expect(budget.refusals(alice)).toEqual({ count: 1, last: "work" });
  });

  test("finds both logs equal when nothing is behind our head", async () => {
    const { ask, peer } = world();
    peer(alice, () => page([]));
    expect(await ask({ kind: "ask_roster", to: alice })).toMatchObject({ kind: "roster", outcome: "same" });
  });

  test("falls back to the whole log of a peer that does not know our head", async () => {
    const { ask, peer } = world();
    const refused = { kind: "refused", of_type: 0x8d, code: "not_found", message: "no", group_id: GROUP } as const;
    const heard = peer(alice, (question) =>
      question.kind === "roster_page_req" && question.after === LOG.head ? refused : page(LOG.entries.slice(0, 2)),
    );
    expect(await ask({ kind: "ask_roster", to: alice })).toMatchObject({ kind: "roster", outcome: "behind" });
    expect(after(heard)).toEqual([LOG.head, RosterEntryId.zero]);
  });

  test("that is refused otherwise is over", async () => {
    const { ask, peer } = world();
    const heard = peer(alice, () => ({
      kind: "refused",
      of_type: 0x8d,
      code: "not_member",
      message: "no",
      group_id: GROUP,
    }));
    expect(await ask({ kind: "ask_roster", to: alice })).toMatchObject({ kind: "failed", failure: "refused" });
    expect(heard).toHaveLength(1);
  });
});

test("members whom nobody reaches are given up in turns, however many are tried one after the other", async () => {
  const { clock, group, peers, told } = world();
  let round = 0;
  const rounds: number[] = [];
  // Each that is given up takes a millisecond.
  const turns = new Turns({ ...realClock, steady: () => steadyMs(rounds.length) });
  const others = { onReport: () => {}, onFailed: () => {} };
  const carryOut = new CarryOut({ peers, clock, turns, ...others });
  const to = Array.from({ length: 60 }, (_, n) => keyOf(identity(100 + n)));
  const [id] = [said(1).id];
  group.tell = (event) => {
    told.push(event);
    rounds.push(round);
    const next = to[rounds.length];
    if (next !== undefined) carryOut.run(group, [{ kind: "graft", to: next, ids: [id] }]);
  };
  carryOut.run(group, [{ kind: "graft", to: to[0]!, ids: [id] }]);
  for (; rounds.length < to.length; round++) await new Promise(setImmediate);
  expect(failures(told)).toHaveLength(60);
  const most = Math.max(...[...Map.groupBy(rounds, (at) => at).values()].map(({ length }) => length));
  expect(most).toBeLessThanOrEqual(6);
});

describe("pages without end of what is no entry of the founder's", () => {
  const { entries } = changed(LOG, FOUNDER, { op: "add", key: identity(50).publicKey });
  const forged = { ...entries.at(-1)!, signature: new Uint8Array(64) };
  const told = { group_id: GROUP, entries: [forged], heals: [], last: false };

  test("as what is known of forks: none is asked for behind the first", async () => {
    const { ask, group, peer } = world();
    const heard = peer(alice, () => ({ kind: "roster_forks_resp", ...told }));
    await ask({ kind: "ask_forks", to: alice });
    expect([heard.length, group.roster.head]).toEqual([1, LOG.head]);
  });

  test("as a proof that we are out: none is asked for behind the first", async () => {
    const { clock, group, peer, peers } = world();
    const heard = peer(alice, () => ({ kind: "roster_proof_resp", ...told }));
    const lines: string[] = [];
    const log = createLog("debug", { write: (line) => lines.push(line), now: () => new Date() });
    const { turns } = budgetOf(clock);
    new ProofSeeker({ peers, clock, turns, log }).seek(group, alice);
    await until(() => heard.length > 0);
    for (let round = 0; round < 20; round++) await new Promise(setImmediate);
    expect([heard.length, group.roster.head, lines]).toEqual([1, LOG.head, []]);
  });
});

describe("a fetch", () => {
  const fetch = (...messages: Message[]) =>
    ({ kind: "fetch", from: alice, ids: messages.map(({ id }) => id), via: "pull" }) as const;
  /** A `fetch_many_resp` with these outcomes and the messages of those that are `sent`. */
  const answer = (outcomes: readonly FetchOutcome[], ...messages: Message[]): FetchManyResp => ({
    kind: "fetch_many_resp",
    group_id: GROUP,
    outcomes,
    bodies: messages.map(messageCanonical),
  });

  test("earns room by what is kept of it, and by nothing that comes beside that", async () => {
    const { ask, budget, peer } = world();
    const delivered = spyOn(budget, "delivered");
    const [kept, wanted] = [said(1), said(2)];
    const bodies = [messageCanonical(kept), new Uint8Array(200_000)];
    peer(alice, () => ({ ...answer(["sent", "sent"]), bodies }));
    expect(await ask(fetch(kept, wanted))).toMatchObject({ stored: [kept.id], refused: [wanted.id] });
    expect(delivered.mock.calls).toEqual([[alice, bodies[0]!.length]]);
  });

  test("goes on until the peer said of every id whether it has it", async () => {
    const { ask, peer, store, told } = world();
    const [sent, absent, large, later] = [said(1), said(2), said(3), said(4)];
    let asked = 0;
    const heard = peer(alice, () => {
      asked += 1;
      return asked === 1 ? answer(["sent", "unknown", "alone", "again"], sent) : answer(["sent"], later);
    });
    const effect = fetch(sent, absent, large, later);
    expect(await ask(effect)).toEqual({
      kind: "fetched",
      from: alice,
      via: "pull",
      ids: effect.ids,
      stored: [sent.id, later.id],
      unknown: [absent.id],
      // One too large for a batch is too large to be stored.
      refused: [large.id],
    });
    expect(heard.map((frame) => ("ids" in frame ? frame.ids : frame.kind))).toEqual([effect.ids, [later.id]]);
    // The machines heard of each batch as it was stored.
    expect(told.map((event) => (event.kind === "stored" ? event.ids : event.kind))).toEqual([
      [sent.id],
      [later.id],
      "fetched",
    ]);
    expect(store.messages.size).toBe(2);
  });

  test("leaves nothing alone that was refused by a roster which has grown meanwhile", async () => {
    const carol = identity(4);
    const { ask, group, peer } = world();
    // It names no key, so nobody knows whom to wait for.
    const author = { pilot_node_id: carol.nodeId, entmoot_pubkey: null };
    const early = message({ by: carol, author });
    peer(alice, () => answer(["sent"], early));
    expect(await ask(fetch(early))).toMatchObject({ refused: [early.id], unknown: [] });
    const ingest = group.ingest.bind(group);
    group.ingest = async (...given) => {
      const ingested = await ingest(...given);
      const change = { op: "add", key: carol.publicKey, nodeId: carol.nodeId } as const;
      group.acceptRoster(changed(LOG, FOUNDER, change).entries, founder);
      return ingested;
    };
    expect(await ask(fetch(early))).toMatchObject({ refused: [], unknown: [early.id] });
    expect(await ask(fetch(early))).toMatchObject({ stored: [early.id] });
  });

  test("asks four times at once for what a peer announced, however much it announces, and pulls beside that", async () => {
    const { peer, run, told } = world();
    const heard = peer(alice, () => "hold");
    const announced = Array.from({ length: 100 }, (_, n) => ({ ...fetch(said(n)), via: "fetch" as const }));
    run(...announced);
    await until(() => heard.length === 4 && told.length > 0);
    // Past those that wait the rest is left to be asked of others.
    expect(told.filter(({ kind }) => kind === "failed").length).toBe(100 - 4 - 64);
    run(fetch(said(200)));
    await until(() => heard.length === 5);
  });

  test("gives up an answer that trickles long before the time for a whole one is over", async () => {
    const { ask, clock, trickle } = world();
    const begun = trickle(alice);
    const asked = ask(fetch(said(1)));
    const drop = await begun;
    await turns();
    await drop();
    await turns();
    clock.advance(LOOK_EVERY_MS);
    expect(await asked).toMatchObject({ kind: "failed", failure: "timeout" });
  });

  test("counts what is known by then as stored, and an author nobody knows as neither", async () => {
    const { ask, kept, peer } = world();
    const [known, foreign] = [said(1), message({ by: identity(9) })];
    kept(known);
    peer(alice, () => answer(["sent", "sent"], known, foreign));
    expect(await ask(fetch(known, foreign))).toMatchObject({ stored: [known.id], unknown: [], refused: [] });
  });

  test("counts what was asked as refused when something else comes in its place, or what does not hold", async () => {
    const { ask, peer, store } = world();
    const [wanted, other] = [said(1), said(2)];
    const forged = { ...said(3), signature: new Uint8Array(64) };
    peer(alice, () => answer(["sent", "sent"], other, forged));
    const fetched = await ask(fetch(wanted, forged));
    expect(fetched).toMatchObject({ stored: [other.id], unknown: [] });
    expect((fetched as Extract<Event, { kind: "fetched" }>).refused.toSorted()).toEqual(
      [wanted.id, forged.id].toSorted(),
    );
    expect(store.messages.has(wanted.id)).toBe(false);
  });

  test("is free for messages, and paid for by who brings what is none", async () => {
    const { ask, budget, peer } = world({ work: ONE_PAYMENT });
    const forged = (n: number) => ({ ...said(n), signature: new Uint8Array(64) });
    let bring = [said(1)];
    peer(alice, () => answer(["sent"], ...bring));
    for (const n of [1, 2, 3]) {
      bring = [said(n)];
      expect(await ask(fetch(...bring))).toMatchObject({ kind: "fetched", stored: [said(n).id] });
    }
    bring = [forged(4)];
    expect(await ask(fetch(...bring))).toMatchObject({ kind: "fetched", refused: [said(4).id] });
    bring = [forged(5)];
    expect(await ask(fetch(...bring))).toMatchObject({ kind: "failed", failure: "refused" });
    expect(budget.refusals(alice)).toEqual({ count: 1, last: "work" });
  });

  test("that is answered for another number of ids is refused", async () => {
    const { ask, peer, store } = world();
    const one = said(1);
    peer(alice, () => answer(["sent", "unknown"], one));
    const effect = fetch(one);
    expect(await ask(effect)).toEqual({ kind: "failed", effect, failure: "refused" });
    expect(store.messages.size).toBe(0);
  });

  test("whose peer is lost in the middle has failed, after what came is stored", async () => {
    const { ask, peer, told } = world();
    const [sent, never] = [said(1), said(2)];
    let asked = 0;
    peer(alice, () => {
      asked += 1;
      return asked === 1 ? answer(["sent", "again"], sent) : "break";
    });
    const effect = fetch(sent, never);
    expect(await ask(effect)).toEqual({ kind: "failed", effect, failure: "unreachable" });
    expect(told.map(({ kind }) => kind)).toEqual(["stored", "failed"]);
  });

  test.each([
    ["on a full disk", new EntmootError("disk_full", "no room")],
    ["in a database that another process holds", new StoreBusy("moot.sqlite")],
    ["as too many files are open", new OutOfFiles("moot.sqlite")],
  ])("that cannot be kept %s is reported, and its peer is not taken for lost", async (_, failure) => {
    const { ask, failed, peer, store } = world();
    const one = said(1);
    store.messages.knows = () => {
      throw failure;
    };
    peer(alice, () => answer(["sent"], one));
    expect(await ask(fetch(one))).toMatchObject({ kind: "failed", failure: "refused" });
    expect(failed).toEqual([failure.code]);
  });

  test("that its peer cannot answer, as its own disk is full, is no failure of ours", async () => {
    const { ask, failed, peer } = world();
    peer(alice, () => ({ kind: "refused", of_type: 0x88, code: "internal", message: "no", group_id: GROUP }));
    expect(await ask(fetch(said(1)))).toMatchObject({ kind: "failed", failure: "refused" });
    expect(failed).toEqual([]);
  });
});

describe("a question that comes to nothing is told as", () => {
  const question = { kind: "ask_status", to: alice } as const;
  const failed = (failure: NetworkFailure): Event => ({ kind: "failed", effect: question, failure });

  test("unreachable, and as backoff until its peer may be dialled again", async () => {
    const { ask, clock } = world();
    expect(await ask(question)).toEqual(failed("unreachable"));
    expect(await ask(question)).toEqual(failed("backoff"));
    clock.advance(MACHINE_DEFAULTS.dialBackoff.waitFirstMs);
    expect(await ask(question)).toEqual(failed("unreachable"));
  });

  test("timeout, when its time is over and not before", async () => {
    const { clock, peer, run, told } = world();
    const heard = peer(alice, () => "hold");
    run(question);
    await until(() => heard.length === 1);
    clock.advance(14_999);
    await turns();
    expect(told).toEqual([]);
    clock.advance(1);
    await until(() => told.length > 0);
    expect(told).toEqual([failed("timeout")]);
  });

  test("unreachable, when its stream breaks", async () => {
    const { ask, peer } = world();
    peer(alice, () => "break");
    expect(await ask(question)).toEqual(failed("unreachable"));
  });

  test("refused, when its peer says no, ends without an answer or answers something else", async () => {
    const answers: (Frame | undefined)[] = [
      { kind: "refused", of_type: 0x81, code: "internal", message: "no", group_id: GROUP },
      undefined,
      { kind: "merkle_resp", group_id: GROUP, root: MerkleRoot.zero, message_count: 0 },
    ];
    for (const answer of answers) {
      const { ask, peer } = world();
      peer(alice, () => answer);
      expect(await ask(question)).toEqual(failed("refused"));
    }
  });
});
