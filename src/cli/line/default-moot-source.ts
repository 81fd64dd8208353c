import type { Environment } from "./global-flags.ts";

/** Where the default moot's descriptor is, and who signs it: what the environment says, read where it is used. */
export interface DefaultMootSource {
  readonly descriptor_url: string | undefined;
  readonly pinned_key: string | undefined;
}

/** An empty variable counts as unset. */
export function defaultMootSource(env: Environment): DefaultMootSource {
  return {
    descriptor_url: env.ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_URL || undefined,
    pinned_key: env.ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_PUBKEY || undefined,
  };
}
