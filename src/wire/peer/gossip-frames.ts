import type { GroupId, MessageId } from "../../core/ids.ts";
import { struct } from "../../core/json/json-codec.ts";
import { groupId, messageId } from "../../core/json/json-scalars.ts";
import { type Gossip as GossipRecord, gossip, type Hello as HelloRecord, hello } from "../../core/record/gossip.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { type GroupFrame, groupBody } from "../frame/group-body.ts";

/** Ours. Original peers send one id at a time; this leaves room for batches. */
const GOSSIP_IDS_MAX = 4096;

/** Reserved by the protocol; nobody sends it. */
export type Hello = { readonly kind: "hello" } & HelloRecord;

/** "I have these, here is the first of them": one way, signed by the sender, body only when small. */
export type Gossip = { readonly kind: "gossip" } & GossipRecord;

interface Ids {
  readonly group_id: GroupId;
  readonly ids: readonly MessageId[];
}

/** "I hold these; GRAFT if you lack one." One way. */
export type IHave = { readonly kind: "ihave" } & Ids;

/** "Send me these, and make me an eager peer again." One way; answered by gossip on another stream. */
export type Graft = { readonly kind: "graft" } & Ids;

/** "I had that already: stop pushing bodies to me." One way. */
export type Prune = GroupFrame<"prune">;

const ids = (label: string) => struct<Ids>(label, { group_id: groupId, ids: plainList(messageId, GOSSIP_IDS_MAX) });

export const helloBody: FrameBody<Hello> = jsonBody("hello", hello);
export const gossipBody: FrameBody<Gossip> = jsonBody("gossip", gossip);
export const ihaveBody: FrameBody<IHave> = jsonBody("ihave", ids("ihave"));
export const graftBody: FrameBody<Graft> = jsonBody("graft", ids("graft"));
export const pruneBody: FrameBody<Prune> = groupBody("prune");
