import { GroupId } from "../../src/core/ids.ts";
import { POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { buildPublicMoot, encodePublicMoot, type PublicMoot } from "../../src/core/record/public-moot.ts";
import { identity } from "./identity.ts";

/** What founder `n` tells directories of its moot `group`, as bytes. */
export function publicMoot(
  n: number,
  group: number,
  { updatedMs, ...more }: { readonly updatedMs: number } & Partial<Omit<PublicMoot, "type" | "updated_at_ms">>,
): Uint8Array {
  const { publicKey, seed } = identity(n);
  const descriptor = buildPublicMoot(
    {
      group_id: GroupId.fromBytes(new Uint8Array(32).fill(group)),
      name: `moot ${group}`,
      description: "",
      tags: [],
      join_mode: "invite_only",
      open_invite: undefined,
      policy: POLICY_PRESETS.standard,
      founder: { pilot_node_id: n, entmoot_pubkey: publicKey },
      updated_at_ms: BigInt(updatedMs),
      expires_at_ms: 0n,
      ...more,
    },
    seed,
  );
  return encodePublicMoot(descriptor);
}
