import fc from "fast-check";
import { GroupId, MerkleRoot, MessageId, RosterEntryId } from "../../src/core/ids.ts";
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

/** Values of every record, with the edges of each field: zero, 2^31, 2^32, 2^53, 2^63, all-zero ids, non-ASCII. */

const SPECIAL = ["<", ">", "&", '"', "\\", "/", "\u0000", "\u001f", "\b", "\u007f", "\u2028", "\u2029", "é", "\ufeff"];
const ASTRAL = ["😀", "\uffee", "\ue000", "\uffff", "\ufffd"];

/** Well-formed text, as a record holds after it was read. */
export const anyText = fc
  .array(fc.oneof(fc.constantFrom(...SPECIAL, ...ASTRAL), fc.string({ maxLength: 6 })), { maxLength: 6 })
  .map((parts) => parts.join(""));

/** Text that may hold lone surrogates, as a program may hand in. */
export const roughText = fc
  .array(fc.oneof(anyText, fc.constantFrom("\ud800", "\udc00", "\udbff")), { maxLength: 5 })
  .map((parts) => parts.join(""));

export const anyBytes = fc.uint8Array({ maxLength: 70 });

const id32 = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(new Uint8Array(32), new Uint8Array(32).fill(0xff)) },
  { weight: 4, arbitrary: fc.uint8Array({ minLength: 32, maxLength: 32 }) },
);
export const anyMessageId = id32.map(MessageId.fromBytes);
export const anyGroupId = id32.map(GroupId.fromBytes);
export const anyRosterEntryId = id32.map(RosterEntryId.fromBytes);

export const anyU32 = fc.oneof(fc.constantFrom(0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1), fc.nat({ max: 2 ** 32 - 1 }));
export const anyI64 = fc.oneof(
  fc.constantFrom(0n, -1n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
export const anyU64 = fc.oneof(
  fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);

export const anyNodeInfo: fc.Arbitrary<NodeInfo> = fc.record({
  pilot_node_id: anyU32,
  entmoot_pubkey: fc.option(anyBytes, { nil: null }),
});

export const anyMessage: fc.Arbitrary<Message> = fc.record({
  id: anyMessageId,
  group_id: anyGroupId,
  author: anyNodeInfo,
  timestamp: anyI64,
  topics: fc.array(anyText, { maxLength: 4 }),
  parents: fc.array(anyMessageId, { maxLength: 4 }),
  content: anyBytes,
  references: fc.array(anyMessageId, { maxLength: 2 }),
  signature: anyBytes,
});

/** Canonical already and without what the wire escapes, so that reading it back gives the same text. */
const anyPolicy = fc.constantFrom("null", "0", "{}", "[]", '{"10":1e5,"9":-0,"b":2.50}', '"x"');

export const anyRosterEntry: fc.Arbitrary<RosterEntry> = fc.record({
  id: anyRosterEntryId,
  op: fc.oneof(fc.constantFrom("add", "remove", "policy_change", ""), anyText),
  subject: anyNodeInfo,
  policy: fc.option(anyPolicy, { nil: undefined }),
  actor: anyU32,
  timestamp: anyI64,
  parents: fc.array(anyRosterEntryId, { maxLength: 3 }),
  signature: anyBytes,
});

export const anyEndpoint: fc.Arbitrary<NodeEndpoint> = fc.record({ network: anyText, addr: anyText });

const anyPeer: fc.Arbitrary<BootstrapPeer> = fc.record({
  node_id: anyU32,
  hostname: anyText,
  endpoints: fc.array(anyEndpoint, { maxLength: 2 }),
});

export const anyInvite: fc.Arbitrary<Invite> = fc.record({
  merkle_root: id32.map(MerkleRoot.fromBytes),
  group_id: anyGroupId,
  founder: anyNodeInfo,
  roster_head: anyRosterEntryId,
  bootstrap_peers: fc.option(fc.array(anyPeer, { maxLength: 2 }), { nil: null }),
  issued_at: anyI64,
  valid_until: anyI64,
  issuer: anyNodeInfo,
  signature: anyBytes,
});

export const anyTransportAd: fc.Arbitrary<TransportAd> = fc.record({
  group_id: anyGroupId,
  author: anyNodeInfo,
  seq: anyU64,
  endpoints: fc.option(fc.array(anyEndpoint, { maxLength: 5 }), { nil: null }),
  issued_at: anyI64,
  not_after: anyI64,
  signature: anyBytes,
});

export const anyMemberProfileAd: fc.Arbitrary<MemberProfileAd> = fc.record({
  group_id: anyGroupId,
  author: anyNodeInfo,
  seq: anyU64,
  hostname: anyText,
  issued_at: anyI64,
  not_after: anyI64,
  signature: anyBytes,
});
