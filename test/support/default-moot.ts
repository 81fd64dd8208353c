import {
  buildDefaultMoot,
  DEFAULT_MOOT_LIVE_CONFIG,
  DEFAULT_MOOT_NAME,
  DEFAULT_MOOT_TOPICS,
  encodeDefaultMoot,
} from "../../src/core/admission/default-moot.ts";
import type { GroupId } from "../../src/core/ids.ts";
import { POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import type { NodeInfo } from "../../src/core/record/records.ts";
import { publicKeyOf } from "../../src/core/signature.ts";

const SEED = new Uint8Array(32).fill(4);
/** Who signs descriptors in tests, as the environment and requests name it. */
export const DESCRIPTOR_KEY = publicKeyOf(SEED).toBase64();

/** A signed descriptor of a default moot, as a server has it. */
export function descriptorOf({
  group_id,
  issuer = { pilot_node_id: 1, entmoot_pubkey: new Uint8Array(32).fill(9) },
  issued_at_ms = 1_700_000_000_000n,
  link = "entmoot://open-invite?issuer=https%3A%2F%2Fesp.example&token=tok-1",
}: {
  readonly group_id: GroupId;
  readonly issuer?: NodeInfo;
  readonly issued_at_ms?: bigint;
  readonly link?: string;
}): Uint8Array<ArrayBuffer> {
  return encodeDefaultMoot(
    buildDefaultMoot(
      {
        name: DEFAULT_MOOT_NAME,
        group_id,
        open_invite: { issuer_url: "", token: "", link: "" },
        open_invite_link: link,
        issuer,
        default_topics: DEFAULT_MOOT_TOPICS,
        recommended_live_config: DEFAULT_MOOT_LIVE_CONFIG,
        policy: POLICY_PRESETS.standard,
        issued_at_ms,
      },
      SEED,
    ),
  );
}
