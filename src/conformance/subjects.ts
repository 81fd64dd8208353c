import type { Subject } from "./subject.ts";

/**
 * The subjects built, by the base name of their vector files (with the folder ahead for vectors of
 * another system). Each is loaded when a file asks for it, so that one subject's dependencies do not
 * cost the others.
 */
export const SUBJECTS: Readonly<Record<string, () => Promise<{ readonly subject: Subject }>>> = {
  "canonical-json": () => import("./subjects/canonical-json.ts"),
  "control-socket": () => import("./subjects/control-socket.ts"),
  "esp-auth": () => import("./subjects/esp-auth.ts"),
  "esp-signed": () => import("./subjects/esp-signed.ts"),
  expected: () => import("./subjects/store.ts"),
  frames: () => import("./subjects/frames.ts"),
  invite: () => import("./subjects/invite.ts"),
  merkle: () => import("./subjects/merkle.ts"),
  order: () => import("./subjects/order.ts"),
  policy: () => import("./subjects/policy.ts"),
  "public-moot": () => import("./subjects/public-moot.ts"),
  topics: () => import("./subjects/topics.ts"),
  ed25519: () => import("./subjects/ed25519.ts"),
  gossip: () => import("./subjects/gossip.ts"),
  identity: () => import("./subjects/identity.ts"),
  message: () => import("./subjects/message.ts"),
  profile: () => import("./subjects/profile.ts"),
  "reference-vectors": () => import("./subjects/reference-vectors.ts"),
  roster: () => import("./subjects/roster.ts"),
  "transport-ad": () => import("./subjects/transport-ad.ts"),
};
