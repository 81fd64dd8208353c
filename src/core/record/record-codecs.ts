import { list, omitted, omittedList, struct } from "../json/json-codec.ts";
import {
  bytes,
  groupId,
  i64,
  merkleRoot,
  messageId,
  omittedBytes,
  rawJson,
  rosterEntryId,
  text,
  u32,
  u64,
} from "../json/json-scalars.ts";
import type {
  BootstrapPeer,
  Invite,
  MemberProfileAd,
  Message,
  NodeEndpoint,
  NodeInfo,
  RosterEntry,
  TransportAd,
} from "./records.ts";

/** Wire, all of these: key order and omit rules are what the network hashes and signs. */

export const nodeInfo = struct<NodeInfo>("node info", {
  pilot_node_id: u32,
  entmoot_pubkey: bytes,
});

export const message = struct<Message>("message", {
  id: messageId,
  group_id: groupId,
  author: nodeInfo,
  timestamp: i64,
  topics: omittedList(text),
  parents: omittedList(messageId),
  content: omittedBytes,
  references: omittedList(messageId),
  signature: omittedBytes,
});

export const rosterEntry = struct<RosterEntry>("roster entry", {
  id: rosterEntryId,
  op: text,
  subject: nodeInfo,
  policy: rawJson,
  actor: u32,
  timestamp: i64,
  parents: omittedList(rosterEntryId),
  signature: omittedBytes,
});

const nodeEndpoint = struct<NodeEndpoint>("endpoint", {
  network: text,
  addr: text,
});

const bootstrapPeer = struct<BootstrapPeer>("bootstrap peer", {
  node_id: u32,
  hostname: omitted(text),
  endpoints: omittedList(nodeEndpoint),
});

/** Without a `merkle_root` the text is no invite; `null` for a whole invite is refused too. */
export const invite = struct<Invite>(
  "invite",
  {
    merkle_root: merkleRoot,
    group_id: groupId,
    founder: nodeInfo,
    roster_head: rosterEntryId,
    bootstrap_peers: list(bootstrapPeer),
    issued_at: i64,
    valid_until: i64,
    issuer: nodeInfo,
    signature: omittedBytes,
  },
  { required: ["merkle_root"] },
);

export const transportAd = struct<TransportAd>("transport ad", {
  group_id: groupId,
  author: nodeInfo,
  seq: u64,
  endpoints: list(nodeEndpoint),
  issued_at: i64,
  not_after: i64,
  signature: omittedBytes,
});

export const memberProfileAd = struct<MemberProfileAd>("member profile ad", {
  group_id: groupId,
  author: nodeInfo,
  seq: u64,
  hostname: omitted(text),
  issued_at: i64,
  not_after: i64,
  signature: omittedBytes,
});
