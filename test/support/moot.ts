import {
  DEFAULT_MOOT_LIVE_CONFIG,
  DEFAULT_MOOT_NAME,
  DEFAULT_MOOT_TOPICS,
} from "../../src/core/admission/default-moot.ts";
import { GroupId } from "../../src/core/ids.ts";
import { POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { identity } from "./identity.ts";

const openInvite = { issuer_url: "https://esp.example", token: "t", link: "" };

/** What descriptors are built from: `identity(4)` signs the default moot, `identity(1)` founds the public one. */
export const moot = {
  openInvite,
  defaultFields: {
    name: DEFAULT_MOOT_NAME,
    group_id: GroupId.fromBytes(new Uint8Array(32).fill(0x42)),
    open_invite: openInvite,
    open_invite_link: "",
    issuer: identity(1).info,
    default_topics: DEFAULT_MOOT_TOPICS,
    recommended_live_config: DEFAULT_MOOT_LIVE_CONFIG,
    policy: POLICY_PRESETS.standard,
    issued_at_ms: 1_700_000_000_000n,
  },
  publicFields: {
    group_id: GroupId.fromBytes(new Uint8Array(32).fill(0x43)),
    name: "Example Moot",
    description: "",
    tags: ["a", "b"],
    join_mode: "open_invite",
    open_invite: openInvite,
    policy: POLICY_PRESETS.relaxed,
    founder: identity(1).info,
    updated_at_ms: 1_700_000_000_000n,
    expires_at_ms: 0n,
  },
};
