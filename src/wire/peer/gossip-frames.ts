import { struct } from "../../core/json/json-codec.ts";
import { groupId, messageId } from "../../core/json/json-scalars.ts";
import { gossip, hello } from "../../core/record/gossip.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";
import { groupBody } from "../frame/group-body.ts";

/** Ours. Original peers send one id at a time; this leaves room for batches. */
const GOSSIP_IDS_MAX = 4096;

/** Reserved by the protocol; nobody sends it. */
export type HelloFrame = FrameOf<typeof helloBody>;

export const helloBody = jsonBody("hello", hello);

/** "I have these, here is the first of them": one way, signed by the sender, body only when small. */
export type GossipFrame = FrameOf<typeof gossipBody>;

export const gossipBody = jsonBody("gossip", gossip);

const ids = (label: string) => struct(label, { group_id: groupId, ids: plainList(messageId, GOSSIP_IDS_MAX) });

/** "I hold these; GRAFT if you lack one." One way. */
export type IHave = FrameOf<typeof ihaveBody>;

export const ihaveBody = jsonBody("ihave", ids("ihave"));

/** "Send me these, and make me an eager peer again." One way; answered by gossip on another stream. */
export type Graft = FrameOf<typeof graftBody>;

export const graftBody = jsonBody("graft", ids("graft"));

/** "I had that already: stop pushing bodies to me." One way. */
export type Prune = FrameOf<typeof pruneBody>;

export const pruneBody = groupBody("prune");
