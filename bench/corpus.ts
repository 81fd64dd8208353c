import { unixMs } from "../src/core/clock.ts";
import { type Identity, identityOf } from "../src/core/identity.ts";
import { GroupId, type MessageId } from "../src/core/ids.ts";
import { entmootNodeId } from "../src/core/node-id.ts";
import { messageForms, signMessage } from "../src/core/record/message.ts";
import type { Message } from "../src/core/record/records.ts";
import { createGenesis } from "../src/core/roster/roster-change.ts";
import type { GroupStore } from "../src/store/group-store.ts";

/** The size the budgets are stated for: full canonical bytes of one message. */
export const MESSAGE_BYTES = 600;

/** When the first message of a corpus was written; the others follow a millisecond apart. */
const FIRST_MS = 1_700_000_000_000;

/** A message with the bytes that others work on. */
export interface Signed {
  readonly message: Message;
  readonly signing: Uint8Array<ArrayBuffer>;
  readonly canonical: Uint8Array<ArrayBuffer>;
}

/** A group with one author who wrote `messages`, each the child of the one before. */
export interface Corpus {
  readonly author: Identity;
  readonly groupId: GroupId;
  readonly messages: readonly Signed[];
}

/** Signed messages of `MESSAGE_BYTES` bytes each; the same ones every time. `say` hears how far it is. */
export function corpusOf(count: number): Corpus {
  const author = identityOf(new Uint8Array(32).fill(7));
  const groupId = GroupId.fromBytes(new Uint8Array(32).fill(9));
  const messages: Signed[] = [];
  let parents: readonly MessageId[] = [];
  const padding = MESSAGE_BYTES - write(author, groupId, 0, [MESSAGE_ID], 0).canonical.length;
  for (let n = 0; n < count; n++) {
    // Base64 writes three bytes as four, and adds its own key to a message that had no content.
    const signed = write(author, groupId, n, parents, Math.floor((padding - 13) / 4) * 3);
    messages.push(signed);
    parents = [signed.message.id];
  }
  return { author, groupId, messages };
}

const MESSAGE_ID = "ab".repeat(32) as MessageId;

function write(author: Identity, group_id: GroupId, n: number, parents: readonly MessageId[], bytes: number): Signed {
  const content = new Uint8Array(bytes);
  if (bytes >= 4) new DataView(content.buffer).setUint32(0, n);
  const message = signMessage({
    seed: author.seed,
    group_id,
    author: { pilot_node_id: entmootNodeId(author.publicKey), entmoot_pubkey: author.publicKey },
    timestamp: BigInt(FIRST_MS + n),
    topics: ["bench"],
    parents,
    content,
    references: [],
  });
  return { message, ...messageForms(message) };
}

/** Makes the corpus's author the founder of the group that `store` holds. */
export function foundGroup(store: GroupStore, { author }: Corpus): void {
  store.roster.append([createGenesis({ seed: author.seed, nowMs: unixMs(FIRST_MS) })]);
}
