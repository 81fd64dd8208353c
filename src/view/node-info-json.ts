import type { NodeInfo } from "../core/record/records.ts";

/** A member as JSON, keys ascending. */
export function nodeInfoJson(info: NodeInfo): { entmoot_pubkey: string | null; pilot_node_id: number } {
  return { entmoot_pubkey: info.entmoot_pubkey?.toBase64() ?? null, pilot_node_id: info.pilot_node_id };
}
