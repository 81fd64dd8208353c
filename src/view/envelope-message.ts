import type { EnvelopeMessage } from "../core/agents/envelope.ts";
import type { Role, Trust } from "../core/agents/trust.ts";
import { decodeUtf8 } from "../core/bytes/utf8.ts";
import { GroupId, MessageId } from "../core/ids.ts";

/** A message with what the signature and the roster tell of it, as rows of the inbox and what is handed to bridges have it. */
export interface ToldMessage {
  readonly group_id: GroupId;
  readonly message_id: MessageId;
  readonly author: number;
  readonly author_key: Uint8Array;
  readonly hostname: string;
  readonly timestamp_ms: bigint;
  readonly references: readonly MessageId[];
  readonly hop: number;
  readonly trust: Trust;
  readonly role: Role;
  /** Its beginning. */
  readonly content: Uint8Array;
  readonly content_bytes: number;
  /** Whether it names this node, answers it, or wakes by the rule of its moot. */
  readonly asks: boolean;
}

/** The first hex digits of an author's key that envelopes show. */
export const KEY_DIGITS = 12;

/** What an envelope says of `told`, by whichever door it goes. */
export function envelopeMessage(told: ToldMessage, nonce: string): EnvelopeMessage {
  const [answered] = told.references;
  return {
    id: MessageId.toBase64(told.message_id),
    nonce,
    // By its id: a founder chooses the name, and may choose that of another.
    group: GroupId.toBase64(told.group_id),
    from: told.author_key.toHex().slice(0, KEY_DIGITS),
    nodeId: told.author,
    name: told.hostname,
    trust: told.trust,
    role: told.role,
    sentMs: Number(told.timestamp_ms),
    replyTo: answered === undefined ? undefined : MessageId.toBase64(answered),
    hop: told.hop,
    expects: told.asks ? "answer" : "none",
    words: decodeUtf8(told.content),
    bytes: told.content_bytes,
  };
}
