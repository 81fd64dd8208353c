import fc from "fast-check";
import { ForksDigest, GroupId, MerkleRoot, MessageId, PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import { compactJson } from "../../src/core/json/json-text.ts";
import type {
  BootstrapPeer,
  Invite,
  MemberProfileAd,
  Message,
  NodeEndpoint,
  NodeInfo,
  RosterEntry,
  TransportAd,
} from "../../src/core/record/records.ts";
import type { RosterHeal } from "../../src/core/roster/roster-heal.ts";
import type { ControlFrame } from "../../src/wire/control/control-frame.ts";
import type { Frame } from "../../src/wire/peer/frame.ts";
import { idsPage } from "../../src/wire/peer/ids-frames.ts";

/* Values of every kind of frame, reaching for the edges of each field. */

const edgeBytes = fc.constantFrom("00", "ff", "7f", "80").map((byte) => byte.repeat(32));
const hex32 = fc.oneof(
  edgeBytes,
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes.toHex()),
);
const groupId = hex32.map((hex) => GroupId.fromHex(hex));
const messageId = hex32.map((hex) => MessageId.fromHex(hex));
const rosterEntryId = hex32.map((hex) => RosterEntryId.fromHex(hex));
const forksDigest = hex32.map((hex) => ForksDigest.fromHex(hex));
const merkleRoot = hex32.map((hex) => MerkleRoot.fromHex(hex));
const publicKey = hex32.map((hex) => PublicKey.fromHex(hex));
const noteKind = fc.constantFrom("rule" as const, "receipt" as const, "presence" as const);
const noteBytes = fc.uint8Array({ minLength: 153, maxLength: 8192 });

const u8 = fc.oneof(fc.constantFrom(0, 1, 2, 255), fc.integer({ min: 0, max: 255 }));
const u16 = fc.oneof(fc.constantFrom(0, 65_535), fc.integer({ min: 0, max: 65_535 }));
const u32 = fc.oneof(fc.constantFrom(0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1), fc.nat());
const instant = fc.maxSafeNat().map((ms) => Math.min(ms, 8.64e15));
const count = fc.oneof(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER), fc.nat());
const int = fc.oneof(count, fc.constantFrom(-1, Number.MIN_SAFE_INTEGER));
const i64 = fc.oneof(
  fc.constantFrom(0n, -1n, 2n ** 31n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
const u64 = fc.oneof(
  fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const bool = fc.boolean();
const EDGE_TEXTS = ["", "\u0000", "<&>", "\u2028\u2029", "é", "😀", '"\\', "\ufeff", "\ufffd", "__proto__"];
const text = fc.oneof(fc.constantFrom(...EDGE_TEXTS), fc.string({ unit: "binary", maxLength: 20 }));
/** For fields that end at 64 bytes. */
const shortText = text.filter((value) => Buffer.byteLength(value) <= 64);
const bytes = fc.uint8Array({ maxLength: 80 });
const nullableBytes = fc.option(bytes, { nil: null });
const rawJson = fc
  .oneof(fc.json({ maxDepth: 3 }), fc.constantFrom("null", '{"n":1.50,"<":"&"}', "[]", "1e400"))
  // What is read back is the compact form; reading and writing that again changes nothing.
  .map((source) => compactJson(source));

const few = <T>(element: fc.Arbitrary<T>) => fc.array(element, { maxLength: 4 });
const fewOrNull = <T>(element: fc.Arbitrary<T>) => fc.option(few(element), { nil: null });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const words = <const T extends string>(...all: T[]) => fc.constantFrom(...all);

const nodeInfo: fc.Arbitrary<NodeInfo> = fc.record({ pilot_node_id: u32, entmoot_pubkey: nullableBytes });
const endpoint: fc.Arbitrary<NodeEndpoint> = fc.record({ network: text, addr: text });
export const message: fc.Arbitrary<Message> = fc.record({
  id: messageId,
  group_id: groupId,
  author: nodeInfo,
  timestamp: i64,
  topics: few(text),
  parents: few(messageId),
  content: bytes,
  references: few(messageId),
  signature: bytes,
});
const rosterEntry: fc.Arbitrary<RosterEntry> = fc.record({
  id: rosterEntryId,
  op: text,
  subject: nodeInfo,
  policy: maybe(rawJson),
  actor: u32,
  timestamp: i64,
  parents: few(rosterEntryId),
  signature: bytes,
});
const rosterHeal: fc.Arbitrary<RosterHeal> = fc.record({
  type: text,
  group_id: groupId,
  fork: rosterEntryId,
  kept: rosterEntryId,
  lost: rosterEntryId,
  timestamp: i64,
  signature: bytes,
});
const knownForks = fc.record({ group_id: groupId, entries: few(rosterEntry), heals: few(rosterHeal), last: bool });
const bootstrapPeer: fc.Arbitrary<BootstrapPeer> = fc.record({
  node_id: u32,
  hostname: text,
  endpoints: few(endpoint),
});
const invite: fc.Arbitrary<Invite> = fc.record({
  merkle_root: merkleRoot,
  group_id: groupId,
  founder: nodeInfo,
  roster_head: rosterEntryId,
  bootstrap_peers: fewOrNull(bootstrapPeer),
  issued_at: i64,
  valid_until: i64,
  issuer: nodeInfo,
  signature: bytes,
});
const transportAd: fc.Arbitrary<TransportAd> = fc.record({
  group_id: groupId,
  author: nodeInfo,
  seq: u64,
  endpoints: fewOrNull(endpoint),
  issued_at: i64,
  not_after: i64,
  signature: bytes,
});
const profileAd: fc.Arbitrary<MemberProfileAd> = fc.record({
  group_id: groupId,
  author: nodeInfo,
  seq: u64,
  hostname: text,
  issued_at: i64,
  not_after: i64,
  signature: bytes,
});
const range = fc.record({
  lo: messageId,
  hi: messageId,
  kind: u8,
  fingerprint: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  ids: few(messageId),
});

const batch = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 5 });
const outcomes = fc
  .array(words("again", "sent", "unknown", "alone"), { minLength: 1, maxLength: 12 })
  .filter((all) => all.some((outcome) => outcome !== "again"));
const place = fc.record({ timestamp: i64, author_node_id: u32, id: messageId });
const letters = "abcdefghijklmnopqrstuvwxyz";
const operationName = fc.oneof(
  fc.constantFrom("a", "a_0", "z".repeat(32)),
  fc
    .tuple(
      fc.constantFrom(...letters),
      fc.string({ unit: fc.constantFrom(...letters, ..."0123456789_"), maxLength: 31 }),
    )
    .map((parts) => parts.join("")),
);
const token = fc.uint8Array({ minLength: 16, maxLength: 64 });

/** A generator for each kind of a union. */
type Generators<F extends { readonly kind: string }> = {
  readonly [K in F["kind"]]: fc.Arbitrary<Omit<Extract<F, { readonly kind: K }>, "kind">>;
};

const refused = fc.record({ of_type: u8, code: shortText, message: text, group_id: maybe(groupId) });
const group = fc.record({ group_id: groupId });
const ids = fc.record({ group_id: groupId, ids: few(messageId) });

export const FRAMES: Generators<Frame> = {
  hello: fc.record({
    node_id: u32,
    pubkey: nullableBytes,
    groups: fewOrNull(groupId),
    timestamp: i64,
    signature: nullableBytes,
  }),
  roster_req: fc.record({ group_id: groupId, since_head: maybe(rosterEntryId) }),
  roster_resp: fc.record({ group_id: groupId, entries: few(rosterEntry) }),
  gossip: fc.record({
    group_id: groupId,
    ids: fewOrNull(messageId),
    timestamp: i64,
    body: maybe(message),
    signature: nullableBytes,
  }),
  fetch_req: fc.record({ group_id: groupId, id: messageId }),
  fetch_resp: fc.record({ group_id: groupId, id: messageId, message: maybe(message), not_found: bool }),
  merkle_req: group,
  merkle_resp: fc.record({ group_id: groupId, root: merkleRoot, message_count: int }),
  range_req: fc.record({ group_id: groupId, since_millis: i64 }),
  range_resp: ids,
  ihave: ids,
  graft: ids,
  prune: group,
  transport_ad: transportAd,
  transport_snapshot_req: group,
  transport_snapshot_resp: fc.record({ group_id: groupId, ads: few(transportAd) }),
  reconcile: fc.record({ group_id: groupId, round: u32, ranges: few(range), done: bool }),
  member_profile_ad: profileAd,
  member_profile_snapshot_req: group,
  member_profile_snapshot_resp: fc.record({ group_id: groupId, profiles: few(profileAd) }),
  diag_ping_req: fc.record({ group_id: groupId, nonce: nullableBytes, timestamp_ms: i64 }),
  diag_ping_resp: fc.record({ group_id: groupId, nonce: nullableBytes, responder: u32, timestamp_ms: i64 }),
  refused,
  status_req: fc.record({
    group_id: groupId,
    roster_head: rosterEntryId,
    roster_length: count,
    merkle_root: merkleRoot,
    message_count: count,
    now_ms: instant,
    pruned_to_ms: instant,
    shared_since_ms: instant,
    shared_root: merkleRoot,
    shared_count: count,
    roster_forks: forksDigest,
    instance: words("", "0123456789abcdef"),
  }),
  status_resp: fc.record({
    group_id: groupId,
    roster_head: rosterEntryId,
    roster_length: count,
    merkle_root: merkleRoot,
    message_count: count,
    now_ms: instant,
    pruned_to_ms: instant,
    shared_since_ms: instant,
    shared_root: merkleRoot,
    shared_count: count,
    roster_forks: forksDigest,
    instance: words("", "0123456789abcdef"),
    version: shortText,
    policy: shortText,
    twin: bool,
  }),
  push: fc.record({ group_id: groupId, bodies: batch.filter((bodies) => bodies.length > 0) }),
  fetch_many_req: fc.record({ group_id: groupId, ids: fc.array(messageId, { minLength: 1, maxLength: 20 }) }),
  fetch_many_resp: fc.record({ group_id: groupId, outcomes }).chain(({ group_id, outcomes }) => {
    const sent = outcomes.filter((outcome) => outcome === "sent").length;
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: sent, maxLength: sent });
    return fc.record({ group_id: fc.constant(group_id), outcomes: fc.constant(outcomes), bodies });
  }),
  ids_req: fc.record({
    group_id: groupId,
    limit: fc.integer({ min: 1, max: 16_384 }),
    after: fc.option(place, { nil: undefined }),
  }),
  ids_resp: fc
    .record({ group_id: groupId, places: fc.array(place, { maxLength: 20 }), limit: fc.integer({ min: 1, max: 20 }) })
    .map(({ group_id, places, limit }) => ({ group_id, ...idsPage(places, limit) })),
  redeem_req: fc.record({ group_id: groupId, token, hostname: text }),
  redeem_resp: fc.record({ group_id: groupId, invite, name: shortText }),
  peer_hint: fc.record({ hint: fc.uint8Array({ minLength: 1, maxLength: 1024 }) }),
  peer_hints_req: group,
  peer_hints_resp: fc.record({ group_id: groupId, hints: few(fc.uint8Array({ minLength: 1, maxLength: 1024 })) }),
  roster_page_req: fc.record({ group_id: groupId, after: rosterEntryId }),
  roster_page_resp: fc.record({ group_id: groupId, entries: few(rosterEntry), last: bool, name: shortText }),
  roster_forks_req: fc.record({ group_id: groupId, from: count }),
  roster_forks_resp: knownForks,
  roster_proof_req: fc.record({ group_id: groupId, head: rosterEntryId }),
  roster_proof_resp: knownForks,
  note_heads: fc.record({
    group_id: groupId,
    greeting: bool,
    heads: few(
      fc.record({
        kind: noteKind,
        author: publicKey,
        version: u64,
        mark: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      }),
    ),
  }),
  notes: fc.record({ group_id: groupId, notes: few(noteBytes) }),
  notes_req: fc.record({ group_id: groupId, wanted: few(fc.record({ kind: noteKind, author: publicKey })) }),
  notes_resp: fc.record({ group_id: groupId, notes: few(noteBytes) }),
};

const rosterState = { status: text, group_id: groupId, roster_head: rosterEntryId, members: int };

export const CONTROL_FRAMES: Generators<ControlFrame> = {
  publish_req: fc.record({ group_id: maybe(groupId), topics: few(text), content: nullableBytes }),
  publish_resp: fc.record({ message_id: messageId, group_id: groupId, timestamp_ms: i64 }),
  tail_subscribe: fc.record({ group_id: maybe(groupId), topic: text }),
  tail_event: fc.record({ message }),
  info_req: fc.constant({}),
  info_resp: fc.record({
    pilot_node_id: u32,
    entmoot_pubkey: nullableBytes,
    listen_port: u16,
    data_dir: text,
    groups: few(fc.record({ group_id: groupId, members: int, messages: int, merkle_root: maybe(merkleRoot) })),
    running: bool,
  }),
  signed_publish_req: fc.record({ message }),
  signed_publish_resp: fc.record({
    status: text,
    message_id: messageId,
    group_id: groupId,
    author: u32,
    timestamp_ms: i64,
  }),
  join_group_req: fc.record({
    invite,
    open_invite: maybe(
      fc.record({
        issuer_url: text,
        token: text,
        expected_group_id: maybe(groupId),
        expected_issuer: maybe(nodeInfo),
      }),
    ),
    group_metadata: maybe(rawJson),
    // For a policy `null` and absent are one.
    group_policy: maybe(rawJson.filter((source) => source !== "null")),
    timeout_ms: i64,
  }),
  join_group_resp: fc.record({
    status: text,
    group_id: groupId,
    issuer: maybe(nodeInfo),
    members: int,
    readiness: maybe(rawJson),
  }),
  invite_create_req: fc.record({
    group_id: groupId,
    target: nodeInfo,
    target_pilot_pubkey: bytes,
    require_pilot_identity: bool,
    require_pilot_proof: bool,
    target_pilot_proof: bytes,
    target_pilot_signature: bytes,
    valid_for_ms: i64,
    valid_until_ms: i64,
    bootstrap_peers: few(u32),
  }),
  invite_create_resp: fc.record({ ...rosterState, invite }),
  member_remove_req: fc.record({ group_id: groupId, target: nodeInfo }),
  member_remove_resp: fc.record(rosterState),
  invite_authority_check_req: group,
  error: fc.record({ type: fc.constant("error"), code: text, group_id: maybe(groupId), message: text }),
  invite_authority_check_resp: fc.record(rosterState),
  diag_probe_req: fc.record({ group_id: groupId, peers: few(u32), timeout_ms: i64 }),
  diag_probe_resp: fc.record({
    group_id: groupId,
    peers: few(fc.record({ node_id: u32, ok: bool, rtt_ms: i64, error: text, responder: u32, received_ms: i64 })),
  }),
  refused,
  operation: fc.record({
    role: words("call", "answer", "event", "failure", "cancel", "credit"),
    call: u32,
    room: u32,
    operation: operationName,
    body: bytes,
  }),
};

/** Frames of one kind. */
export function frameOf(kind: Frame["kind"]): fc.Arbitrary<Frame> {
  return (FRAMES[kind] as fc.Arbitrary<object>).map((fields) => ({ kind, ...fields }) as Frame);
}

export function controlFrameOf(kind: ControlFrame["kind"]): fc.Arbitrary<ControlFrame> {
  return (CONTROL_FRAMES[kind] as fc.Arbitrary<object>).map((fields) => ({ kind, ...fields }) as ControlFrame);
}

export const anyFrame = fc.oneof(...Object.keys(FRAMES).map((kind) => frameOf(kind as Frame["kind"])));
export const anyControlFrame = fc.oneof(
  ...Object.keys(CONTROL_FRAMES).map((kind) => controlFrameOf(kind as ControlFrame["kind"])),
);
