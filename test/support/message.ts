import { GroupId } from "../../src/core/ids.ts";
import { type MessageFields, signMessage } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { identity, type TestIdentity } from "./identity.ts";

/** The group all test messages belong to unless they say otherwise: bytes 01 02 … 20. */
export const GROUP = GroupId.fromBytes(Uint8Array.from({ length: 32 }, (_, i) => i + 1));

/** A signed message of `by`, with what `fields` says and plain values for the rest. */
export function message({
  by = identity(1),
  ...fields
}: Partial<MessageFields> & { readonly by?: TestIdentity } = {}): Message {
  return signMessage({
    seed: by.seed,
    group_id: GROUP,
    author: by.info,
    timestamp: 1_700_000_010_000n,
    topics: ["chat/general"],
    parents: [],
    content: new TextEncoder().encode("hello"),
    references: [],
    ...fields,
  });
}
