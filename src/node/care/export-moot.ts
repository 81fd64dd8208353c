import { type ArchiveOpening, ArchiveWriter } from "../../core/archive/archive-writer.ts";
import { concat } from "../../core/bytes/byte-strings.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, MessageId } from "../../core/ids.ts";
import type { OrderNode } from "../../core/order/order.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { MessageStore } from "../../store/group-store.ts";
import { INT64_MIN } from "../../store/store-limits.ts";
import type { Group } from "../group/group.ts";
import { METADATA_FACT } from "../group/group-name.ts";
import { toldPolicy } from "../group/group-policy.ts";
import type { NodeContext } from "../node-context.ts";
import { CHUNK_BYTES, type ExportChunk, type Exported } from "../operations/care.ts";
import type { Call } from "../operations/implementation.ts";
import { Turns } from "../turns.ts";

/** Ours. Messages read, hashed and placed in one turn: some two milliseconds. */
const STEP_MESSAGES = 64;

type Exporting = Pick<NodeContext, "clock" | "identity" | "requireGroup">;

/**
 * Tells a moot as an archive. Its messages are those held when it began, without what is removed meanwhile; root and digest
 * are of what is told.
 */
export async function exportMoot(
  { clock, identity, requireGroup }: Exporting,
  { group_id }: { readonly group_id: GroupId },
  call: Call<ExportChunk>,
): Promise<Exported> {
  const group = requireGroup(group_id);
  const turns = new Turns(clock);
  const { messages } = group.store;
  const ids = await idsInOrder(messages, turns, call.signal);
  const total = ids.length / 32;
  const opening = openingOf(group, clock.unix());
  const writer = new ArchiveWriter(crypto.getRandomValues(new Uint32Array(1))[0]!, opening.roster);
  const out = new ChunkWriter(call, () => ({ messages: writer.messages, total }));
  for (const piece of writer.opening(opening)) {
    await turns.take();
    await out.write(piece);
  }
  for (let at = 0; at < total; ) {
    await turns.take();
    call.signal.throwIfAborted();
    const piece = readPiece(messages, ids, at);
    at = piece.next;
    const lines = writer.messageLines(piece.messages);
    if (lines === undefined) throw changedMeanwhile();
    await out.write(lines);
  }
  await turns.take();
  const { bytes, end } = writer.end(identity);
  await out.write(bytes);
  await out.flush();
  const { type: _type, signature: _signature, ...said } = end;
  return { group_id, ...said };
}

/** 32 bytes each, listed between other work. */
async function idsInOrder(messages: MessageStore, turns: Turns, signal: AbortSignal): Promise<Uint8Array> {
  const steps = messages.idsSinceInSteps(INT64_MIN);
  for (;;) {
    await turns.take();
    signal.throwIfAborted();
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

function openingOf({ id, roster, store }: Group, now: number): ArchiveOpening {
  return {
    group_id: id,
    made_ms: Math.floor(now),
    metadata: store.getFact(METADATA_FACT),
    policy: roster.log.foundingPolicy === undefined ? toldPolicy(store) : undefined,
    roster: roster.log.entries,
    side: roster.sideEntries,
    heals: roster.heals,
  };
}

type ArchivedMessage = OrderNode & { readonly canonical: Uint8Array };

/** The next of them that are held still. */
function readPiece(
  messages: MessageStore,
  ids: Uint8Array,
  from: number,
): { messages: ArchivedMessage[]; next: number } {
  const found: ArchivedMessage[] = [];
  let bytes = 0;
  let at = from;
  while (at * 32 < ids.length && at - from < STEP_MESSAGES && bytes < CHUNK_BYTES) {
    const id = MessageId.fromBytes(ids.subarray(at * 32, at * 32 + 32));
    at += 1;
    const canonical = messages.get(id)?.canonical;
    if (canonical === undefined) continue;
    const { author, parents, timestamp } = decodeMessage(canonical);
    found.push({ id, timestamp, author: author.pilot_node_id, parents, canonical });
    bytes += canonical.length;
  }
  return { messages: found, next: at };
}

/** Gathers what is told next, as many bytes as one event has. */
class ChunkWriter {
  readonly #call: Call<ExportChunk>;
  readonly #far: () => Omit<ExportChunk, "chunk">;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(call: Call<ExportChunk>, far: () => Omit<ExportChunk, "chunk">) {
    this.#call = call;
    this.#far = far;
  }

  async write(piece: Uint8Array): Promise<void> {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes >= CHUNK_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#bytes === 0) return;
    const chunk = concat(...this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    using _turn = await this.#call.turnToTell?.();
    await this.#call.emit({ chunk, ...this.#far() });
  }
}

function changedMeanwhile(): EntmootError {
  return new EntmootError("unavailable", "messages were removed while the moot was exported; export it again");
}
