import { describe, expect, test } from "bun:test";
import { createInvite } from "../../../src/core/admission/invite.ts";
import { MerkleRoot, PublicKey, RosterEntryId } from "../../../src/core/ids.ts";
import { formatPolicy, POLICY_PRESETS } from "../../../src/core/policy/policy.ts";
import { signGossip } from "../../../src/core/record/gossip.ts";
import { signMemberProfileAd } from "../../../src/core/record/member-profile-ad.ts";
import { messageCanonical } from "../../../src/core/record/message.ts";
import { buildPeerHint, encodePeerHint } from "../../../src/core/record/peer-hint.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { signTransportAd } from "../../../src/core/record/transport-ad.ts";
import { HANDLED_KINDS, handleMemberFrame } from "../../../src/node/carrier/member-frames.ts";
import { Question } from "../../../src/node/carrier/question.ts";
import { SharedAnswers } from "../../../src/node/carrier/shared-answers.ts";
import { Group } from "../../../src/node/group/group.ts";
import { group_create, roster_change } from "../../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { FramedStream } from "../../../src/transport/framed-stream.ts";
import { PEER_EXTENSIONS } from "../../../src/wire/frame/extensions.ts";
import { EXTENSION_TYPE_MIN, FRAME_TYPE } from "../../../src/wire/frame/frame-types.ts";
import { type Frame, frameType, peerLanguage } from "../../../src/wire/peer/frame.ts";
import { idPage } from "../../../src/wire/peer/id-page.ts";
import { budgetOf } from "../../support/budget.ts";
import { groupParts } from "../../support/group-parts.ts";
import { identity, type TestIdentity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP, message } from "../../support/message.ts";
import { OPEN_GROUP, until } from "../../support/nodes.ts";
import { ALICE, FOUNDER, nodeWithRawMember, STRANGER } from "../../support/raw-member.ts";
import { roster } from "../../support/roster.ts";
import { NOTHING_SHARED, statusQuestion } from "../../support/status-question.ts";

const keyOf = ({ publicKey }: TestIdentity) => PublicKey.fromBytes(publicKey);

const DAY_MS = 86_400_000;

/** A founder's node whose clock stands still, and Alice, a member that says what it likes. */
async function world() {
  const clock = new ManualClock();
  const root = new MemoryDataRoot();
  const it = await nodeWithRawMember({ root, clock });
  const { alice, group_id, node } = it;
  const store = root.openGroup(group_id)!;
  const now = clock.unix();
  const said = (n: number) => message({ by: ALICE, group_id, timestamp: BigInt(now + n) });
  const push = (...messages: Message[]) =>
    alice.say({ kind: "push", group_id, bodies: messages.map(messageCanonical) });
  /** What the node says to Alice by itself from now on. */
  const listen = () => {
    const heard: Frame[] = [];
    alice.transport.accept(async (stream) => {
      const frames = new FramedStream(stream, peerLanguage(stream.dialect));
      for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) {
        if (frame.kind !== "unknown_extension") heard.push(frame);
      }
      frames.reset();
    });
    return heard;
  };
  const change = (op: "add" | "remove", { publicKey }: TestIdentity, node_id?: number) =>
    node.call(roster_change, { group_id, op, node_id, entmoot_pubkey: PublicKey.fromBytes(publicKey) });
  const times = (forMs: number) => ({ group_id, issued_at: BigInt(now - 1), not_after: BigInt(now + forMs) });
  const profile = (by: TestIdentity, hostname: string, forMs = DAY_MS) =>
    signMemberProfileAd({ seed: by.seed, author: by.info, seq: 1n, hostname, ...times(forMs) });
  const endpoints = [{ network: "tcp", addr: "192.0.2.1:1004" }];
  const transportAd = (by: TestIdentity, forMs = DAY_MS) =>
    signTransportAd({ seed: by.seed, author: by.info, seq: 1n, endpoints, ...times(forMs) });
  return { ...it, clock, root, store, said, push, listen, change, profile, transportAd };
}

describe("a member's question is answered:", () => {
  test("what is the root over all messages", async () => {
    const { alice, group_id, node, push, said, store } = await world();
    await using _closing = node;
    const question = { kind: "merkle_req", group_id } as const;
    const answer = { kind: "merkle_resp", group_id, root: MerkleRoot.zero, message_count: 0 } as const;
    expect(await alice.say(question)).toEqual([answer]);
    await push(said(1), said(2));
    const root = store.messages.merkleRoot();
    expect(root).not.toBe(MerkleRoot.zero);
    expect(await alice.say(question)).toEqual([{ ...answer, root, message_count: 2 }]);
  });

  test("which ids are there, since an instant and page by page", async () => {
    const { alice, clock, group_id, node, push, said } = await world();
    await using _closing = node;
    const [first, second, third] = [said(1), said(2), said(3)];
    await push(third, first, second);
    const since_millis = BigInt(clock.unix() + 2);
    const author_node_id = ALICE.nodeId;
    const after = { timestamp: first.timestamp, author_node_id, id: first.id };
    const next = { timestamp: second.timestamp, author_node_id, id: second.id };
    expect(
      await alice.say(
        { kind: "range_req", group_id, since_millis },
        { kind: "ids_req", group_id, after, limit: 1 },
        { kind: "ids_req", group_id, after, limit: 2 },
      ),
    ).toEqual([
      { kind: "range_resp", group_id, ids: [second.id, third.id] },
      { kind: "ids_resp", group_id, ids: Buffer.from(idPage([second.id])), next },
      { kind: "ids_resp", group_id, ids: Buffer.from(idPage([second.id, third.id])), next: undefined },
    ]);
  });

  test("for a message, and for many", async () => {
    const { alice, group_id, node, push, said } = await world();
    await using _closing = node;
    const [held, absent] = [said(1), said(2)];
    await push(held);
    expect(
      await alice.say(
        { kind: "fetch_req", group_id, id: held.id },
        { kind: "fetch_req", group_id, id: absent.id },
        { kind: "fetch_many_req", group_id, ids: [absent.id, held.id] },
      ),
    ).toEqual([
      { kind: "fetch_resp", group_id, id: held.id, message: held, not_found: false },
      { kind: "fetch_resp", group_id, id: absent.id, message: undefined, not_found: true },
      {
        kind: "fetch_many_resp",
        group_id,
        outcomes: ["unknown", "sent"],
        bodies: [Buffer.from(messageCanonical(held))],
      },
    ]);
  });

  test("how the group stands here, with its policy from the founder", async () => {
    const { alice, clock, node, root } = await world();
    await using _closing = node;
    const policy = formatPolicy(POLICY_PRESETS.standard);
    const { group_id } = await node.call(group_create, { ...OPEN_GROUP, policy_source: "preset:standard", policy });
    await node.call(roster_change, { group_id, op: "add", node_id: undefined, entmoot_pubkey: keyOf(ALICE) });
    const entries = root.openGroup(group_id)!.roster.entries();
    expect(await alice.say(statusQuestion(group_id))).toEqual([
      {
        kind: "status_resp",
        group_id,
        roster_head: entries.at(-1)!.id,
        roster_length: 3,
        merkle_root: MerkleRoot.zero,
        message_count: 0,
        ...NOTHING_SHARED,
        now_ms: clock.unix(),
        instance: expect.any(String),
        version: "test",
        policy,
        twin: false,
      },
    ]);
  });

  test("who its members are, all of the log or what is behind an entry", async () => {
    const { alice, change, group_id, node, store } = await world();
    await using _closing = node;
    await change("add", STRANGER);
    const entries = store.roster.entries();
    expect(entries).toHaveLength(3);
    const after = (at: number) => ({ kind: "roster_page_req", group_id, after: entries[at]!.id }) as const;
    const unknown = RosterEntryId.fromBytes(new Uint8Array(32).fill(9));
    expect(
      await alice.say({ kind: "roster_req", group_id, since_head: undefined }, after(0), after(2), {
        kind: "roster_page_req",
        group_id,
        after: unknown,
      }),
    ).toEqual([
      { kind: "roster_resp", group_id, entries },
      { kind: "roster_page_resp", group_id, entries: entries.slice(1), last: true, name: "" },
      { kind: "roster_page_resp", group_id, entries: [], last: true, name: "" },
      { kind: "refused", of_type: 0x8d, code: "not_found", message: expect.any(String), group_id },
    ]);
  });

  test("is it there, with the asker's nonce and the time here", async () => {
    const { alice, clock, group_id, node } = await world();
    await using _closing = node;
    const ping = (nonce: Uint8Array | null) => ({ kind: "diag_ping_req", group_id, nonce, timestamp_ms: 5n }) as const;
    const nonce = Uint8Array.of(1, 2, 3);
    const answer = {
      kind: "diag_ping_resp",
      group_id,
      responder: FOUNDER.nodeId,
      timestamp_ms: BigInt(clock.unix()),
    } as const;
    expect(await alice.say(ping(nonce), ping(new Uint8Array(0)), ping(null))).toEqual([
      { ...answer, nonce },
      { ...answer, nonce: null },
      { ...answer, nonce: null },
    ]);
  });

  test("where its members are, as far as they are members", async () => {
    const { alice, change, clock, group_id, node } = await world();
    await using _closing = node;
    const now = BigInt(clock.unix());
    const hint = encodePeerHint(
      buildPeerHint(
        { seq: 1n, relay: "", addresses: ["192.0.2.1:1"], issued_at: now, not_after: now + BigInt(DAY_MS) },
        STRANGER.seed,
      ),
    );
    await change("add", STRANGER);
    const question = { kind: "peer_hints_req", group_id } as const;
    expect(await alice.say({ kind: "peer_hint", hint }, question)).toEqual([
      { kind: "peer_hints_resp", group_id, hints: [hint] },
    ]);
    await change("remove", STRANGER);
    expect(await alice.say(question)).toEqual([{ kind: "peer_hints_resp", group_id, hints: [] }]);
  });

  test("what its members are called, without profiles that expired or are of a key they no longer have", async () => {
    const { alice, change, clock, group_id, node, profile } = await world();
    await using _closing = node;
    const [BRIEF, OLD, NEW] = [identity(4), identity(5), identity(6)] as const;
    for (const each of [STRANGER, BRIEF, OLD]) await change("add", each);
    const profiles = [
      profile(ALICE, "alice"),
      profile(STRANGER, "dara"),
      profile(BRIEF, "brief", 1_000),
      profile(OLD, "old"),
    ];
    const question = { kind: "member_profile_snapshot_req", group_id } as const;
    const names = async () => {
      const [answer] = await alice.say(question);
      if (answer?.kind !== "member_profile_snapshot_resp") throw new Error("no profiles");
      return answer.profiles.map(({ hostname }) => hostname).toSorted();
    };
    const frames = profiles.map((ad) => ({ kind: "member_profile_ad", ...ad }) as const);
    expect(await alice.say(...frames)).toEqual([]);
    expect(await names()).toEqual(["alice", "brief", "dara", "old"]);
    clock.advance(1_000);
    expect(await names()).toEqual(["alice", "brief", "dara", "old"]);
    clock.advance(1);
    await change("remove", OLD);
    await change("add", NEW, OLD.nodeId);
    await change("remove", STRANGER);
    expect(await alice.say(question)).toEqual([
      { kind: "member_profile_snapshot_resp", group_id, profiles: [profiles[0]!] },
    ]);
  });

  test("where its members are on the original's carrier, without ads that expired", async () => {
    const { alice, change, clock, group_id, node, transportAd } = await world();
    await using _closing = node;
    await change("add", STRANGER);
    const [lasting, brief] = [transportAd(ALICE), transportAd(STRANGER, 1_000)];
    const frames = [lasting, brief].map((ad) => ({ kind: "transport_ad", ...ad }) as const);
    expect(await alice.say(...frames)).toEqual([]);
    const question = { kind: "transport_snapshot_req", group_id } as const;
    const [all] = await alice.say(question);
    expect(all).toMatchObject({ kind: "transport_snapshot_resp", group_id });
    expect(all?.kind === "transport_snapshot_resp" && all.ads.length).toBe(2);
    clock.advance(1_001);
    expect(await alice.say(question)).toEqual([{ kind: "transport_snapshot_resp", group_id, ads: [lasting] }]);
  });
});

test("a member that is not the founder gives no policy as the group's", async () => {
  const store = new MemoryGroupStore(GROUP);
  store.roster.append(roster([FOUNDER, ALICE]).entries);
  const clock = new ManualClock();
  const nothing = () => {};
  const budget = budgetOf(clock);
  const question = new Question(budget, keyOf(ALICE), nothing);
  const made = new SharedAnswers<never>(budget.turns);
  const shared = { ranges: made, rosters: made, pages: made };
  const notes = { answer: () => [], heads: nothing, told: async () => {} };
  const accepting = { notes, hintsOf: () => [], acceptProfile: nothing, acceptTransportAd: nothing };
  const services = { version: "test", clock, random: () => 0, question, isTwin: () => false, ...shared, ...accepting };
  const answers = [FOUNDER, ALICE].map(async (local) => {
    const group = new Group(groupParts({ store, clock, local: keyOf(local) }));
    group.policy.set(POLICY_PRESETS.standard);
    return await handleMemberFrame({ ...services, group, from: keyOf(ALICE) }, statusQuestion(GROUP));
  });
  expect(await Promise.all(answers)).toMatchObject([{ policy: formatPolicy(POLICY_PRESETS.standard) }, { policy: "" }]);
});

describe("what a member says is not answered, and does something:", () => {
  test("a pushed message is stored", async () => {
    const { node, push, said, store } = await world();
    await using _closing = node;
    const one = said(1);
    expect(await push(one)).toEqual([]);
    expect(store.messages.has(one.id)).toBe(true);
  });

  test("gossip with its message is stored, and without one fetched from who said it", async () => {
    const { alice, clock, group_id, listen, node, said, store } = await world();
    await using _closing = node;
    const heard = listen();
    const gossip = (body: Message | undefined, ...ids: Message["id"][]) => {
      const frame = { group_id, ids, timestamp: BigInt(clock.unix()) };
      return { kind: "gossip", ...frame, body, signature: signGossip({ seed: ALICE.seed, frame }) } as const;
    };
    const [small, large] = [said(1), said(2)];
    expect(await alice.say(gossip(small, small.id), gossip(undefined, small.id, large.id))).toEqual([]);
    expect(store.messages.has(small.id)).toBe(true);
    const fetches = () => heard.filter(({ kind }) => kind === "fetch_many_req");
    await until(() => fetches().length > 0);
    expect(fetches()).toEqual([{ kind: "fetch_many_req", group_id, ids: [large.id] }]);
  });

  test("gossip with another message than it announces is taken for the announcement alone", async () => {
    const { alice, clock, group_id, listen, node, said, store } = await world();
    await using _closing = node;
    const heard = listen();
    const [announced, inside] = [said(1), said(2)];
    const frame = { group_id, ids: [announced.id], timestamp: BigInt(clock.unix()) };
    const signature = signGossip({ seed: ALICE.seed, frame });
    expect(await alice.say({ kind: "gossip", ...frame, body: inside, signature })).toEqual([]);
    await until(() => heard.some(({ kind }) => kind === "fetch_many_req"));
    expect(store.messages.size).toBe(0);
  });

  test("an id it holds is asked for when it does not come by itself", async () => {
    const { alice, clock, group_id, listen, node, said } = await world();
    await using _closing = node;
    const heard = listen();
    const ids = [said(1).id];
    expect(await alice.say({ kind: "ihave", group_id, ids })).toEqual([]);
    const grafted = () => heard.flatMap((frame) => (frame.kind === "graft" ? frame.ids : []));
    expect(grafted()).toEqual([]);
    clock.advance(500);
    await until(() => grafted().length > 0);
    expect(grafted()).toEqual(ids);
  });

  test("an id it asks for is pushed", async () => {
    const { alice, group_id, listen, node, push, said } = await world();
    await using _closing = node;
    const one = said(1);
    await push(one);
    const heard = listen();
    expect(await alice.say({ kind: "graft", group_id, ids: [one.id] })).toEqual([]);
    await until(() => heard.some(({ kind }) => kind === "push"));
    expect(heard).toContainEqual({ kind: "push", group_id, bodies: [Buffer.from(messageCanonical(one))] });
  });

  test("a prune is heard and not answered", async () => {
    const { alice, group_id, node } = await world();
    await using _closing = node;
    const answers = await alice.say({ kind: "prune", group_id }, { kind: "merkle_req", group_id });
    expect(answers).toMatchObject([{ kind: "merkle_resp" }]);
  });
});

/** Every answer there is but the roster, which is also told unasked. */
function answersNobodyAskedFor(group_id: typeof GROUP): Frame[] {
  const empty = { group_id, roster_head: RosterEntryId.zero, merkle_root: MerkleRoot.zero };
  const invite = createInvite(
    {
      ...empty,
      founder: FOUNDER.info,
      issuer: FOUNDER.info,
      bootstrap_peers: [],
      issued_at: 1n,
      valid_until: 2n,
    },
    FOUNDER.seed,
  );
  const { id } = message();
  return [
    { kind: "fetch_resp", group_id, id, message: undefined, not_found: true },
    { kind: "merkle_resp", group_id, root: MerkleRoot.zero, message_count: 0 },
    { kind: "range_resp", group_id, ids: [] },
    { kind: "transport_snapshot_resp", group_id, ads: [] },
    { kind: "member_profile_snapshot_resp", group_id, profiles: [] },
    { kind: "diag_ping_resp", group_id, nonce: null, responder: 1, timestamp_ms: 1n },
    {
      kind: "status_resp",
      ...empty,
      roster_length: 0,
      message_count: 0,
      ...NOTHING_SHARED,
      version: "",
      policy: "",
      twin: false,
    },
    { kind: "fetch_many_resp", group_id, outcomes: ["unknown"], bodies: [] },
    { kind: "ids_resp", group_id, ids: new Uint8Array(0), next: undefined },
    { kind: "redeem_resp", group_id, invite, name: "" },
    { kind: "peer_hints_resp", group_id, hints: [] },
    { kind: "notes_resp", group_id, notes: [] },
    { kind: "roster_page_resp", group_id, entries: [], last: true, name: "" },
    { kind: "roster_proof_resp", group_id, entries: [], heals: [], last: true },
  ];
}

describe("an answer nobody asked for", () => {
  test("is refused: in words where it is one of ours, by ending the stream where it is the original's", async () => {
    const { alice, group_id, node } = await world();
    await using _closing = node;
    for (const answer of answersNobodyAskedFor(group_id)) {
      const { kind } = answer;
      if (frameType(kind) >= EXTENSION_TYPE_MIN) {
        expect(await alice.say(answer, { kind: "merkle_req", group_id })).toMatchObject([
          {
            kind: "refused",
            of_type: frameType(kind),
            code: "invalid_argument",
            message: `${kind}: expected a question or a one-way frame`,
            group_id,
          },
          { kind: "merkle_resp" },
        ]);
      } else {
        await expect(alice.say(answer)).rejects.toMatchObject({ code: "unavailable" });
      }
    }
  });

  test("of every kind is among these", () => {
    const kinds = answersNobodyAskedFor(GROUP).map(({ kind }): string => kind);
    expect([...kinds, "roster_resp", "roster_forks_resp"].toSorted()).toEqual(
      KINDS.filter((kind) => kind.endsWith("_resp")).toSorted(),
    );
  });
});

/** The table of frames between peers. */
const KINDS = [...Object.keys(FRAME_TYPE), ...Object.keys(PEER_EXTENSIONS)];

/** Looked at before it is asked whether their sender is a member. */
const HANDLED_BEFORE: readonly string[] = [
  "redeem_req",
  "peer_hint",
  "roster_resp",
  "roster_forks_resp",
  "roster_proof_req",
  "refused",
];

/** Of the original: the first nobody sends, the second is its way to compare, and we have ours. */
const NOT_SPOKEN: readonly string[] = ["hello", "reconcile"];

test("every kind of frame has its place: handled here or before, an answer, or not spoken", () => {
  const placesOf = (kind: string) => [
    ...(HANDLED_KINDS.has(kind) ? ["handled"] : []),
    ...(HANDLED_BEFORE.includes(kind) ? ["before"] : []),
    ...(NOT_SPOKEN.includes(kind) ? ["not spoken"] : []),
    ...(kind.endsWith("_resp") && !HANDLED_BEFORE.includes(kind) ? ["an answer"] : []),
  ];
  const misplaced = KINDS.filter((kind) => placesOf(kind).length !== 1);
  expect(misplaced.map((kind) => `${kind}: ${placesOf(kind).join(" and ") || "no place"}`)).toEqual([]);
  const placed = [...HANDLED_KINDS, ...HANDLED_BEFORE, ...NOT_SPOKEN];
  expect(placed.filter((kind) => !KINDS.includes(kind))).toEqual([]);
});

test("a hello is passed over, and a reconcile ends the stream", async () => {
  const { alice, group_id, node } = await world();
  await using _closing = node;
  const hello = { kind: "hello", node_id: ALICE.nodeId, pubkey: ALICE.publicKey, groups: [group_id] } as const;
  const answers = await alice.say({ ...hello, timestamp: 1n, signature: null }, { kind: "merkle_req", group_id });
  expect(answers).toMatchObject([{ kind: "merkle_resp" }]);
  const reconcile = { kind: "reconcile", group_id, round: 1, ranges: [], done: false } as const;
  await expect(alice.say(reconcile)).rejects.toMatchObject({ code: "unavailable" });
});
