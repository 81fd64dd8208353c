import type { Subject } from "./subject.ts";

/**
 * The subjects built, by the base name of their vector files (with the folder ahead for vectors of
 * another system). Each is loaded when a file asks for it, so that one subject's dependencies do not
 * cost the others.
 */
export const SUBJECTS: Readonly<Record<string, () => Promise<{ readonly subject: Subject }>>> = {
  "canonical-json": () => import("./canonical-json.ts"),
  "control-socket": () => import("./control-socket.ts"),
  expected: () => import("./store.ts"),
  frames: () => import("./frames.ts"),
  invite: () => import("./invite.ts"),
  merkle: () => import("./merkle.ts"),
  order: () => import("./order.ts"),
  policy: () => import("./policy.ts"),
  "public-moot": () => import("./public-moot.ts"),
  topics: () => import("./topics.ts"),
  ed25519: () => import("./ed25519.ts"),
  gossip: () => import("./gossip.ts"),
  identity: () => import("./identity.ts"),
  message: () => import("./message.ts"),
  profile: () => import("./profile.ts"),
  "reference-vectors": () => import("./reference-vectors.ts"),
  roster: () => import("./roster.ts"),
  "transport-ad": () => import("./transport-ad.ts"),
};
