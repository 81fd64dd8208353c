import type { MessageId } from "../../core/ids.ts";
import { SaltedSet } from "../../core/salted-map.ts";
import type { AskEffect } from "../../machine/effect.ts";
import type { FetchOutcome } from "../../wire/peer/fetch-many-frames.ts";
import type { Frame } from "../../wire/peer/frame.ts";
import type { Group } from "../group/group.ts";
import type { Ingested } from "../group/ingest.ts";
import { PeerRefusal, type Peers } from "./peers.ts";
import { decodeMs, signaturesMs } from "./prices.ts";

/** Ours. How long an answer may take. */
const LARGE_TIMEOUT_MS = 90_000;

export type FetchEffect = Extract<AskEffect, { kind: "fetch" }>;

/**
 * Asks until the peer said of every id whether it has it, ingesting each batch while the next is on its way, and only
 * that one. A message too large for a batch is larger than any that is stored here: it is not even asked for.
 */
export async function fetchMessages(group: Group, { from, ids, via }: FetchEffect, peers: Peers): Promise<void> {
  const unknown: MessageId[] = [];
  const stored: MessageId[] = [];
  const refused: MessageId[] = [];
  const { history } = group.policy;
  const { log } = group.roster;
  let wanted: readonly MessageId[] = ids;
  let ingesting = Promise.resolve();
  const ingest = (asked: readonly MessageId[], bodies: readonly Uint8Array[]) => {
    ingesting = ingesting.then(async () => {
      const ingested = await group.ingest(bodies, { from, via });
      // What waits for its author's budget was delivered as well.
      stored.push(...ingested.stored, ...ingested.known, ...ingested.owed);
      refused.push(...ingested.refused);
      // A peer that sends something else in place of what was asked has not answered.
      const got = new SaltedSet([...ingested.stored, ...ingested.known, ...ingested.refused, ...ingested.owed]);
      for (const held of ingested.unknownAuthor) got.add(held.id);
      refused.push(...asked.filter((id) => !got.has(id)));
      if (via === "pull") peers.delivered(from, leastBytes(bodies, ingested.stored.length));
      await peers.pay(from, wastedMs(ingested, bodies));
    });
    // The rejection is looked at where the chain is awaited.
    ingesting.catch(() => {});
  };
  try {
    while (wanted.length > 0) {
      const question: Frame = { kind: "fetch_many_req", group_id: group.id, ids: wanted };
      const options = { isAnnounced: via !== "pull" };
      const { bodies, outcomes } = await peers.ask(from, question, "fetch_many_resp", LARGE_TIMEOUT_MS, options);
      if (outcomes.length !== wanted.length) {
        throw new PeerRefusal("malformed_frame", `fetch: expected ${wanted.length} outcomes, found ${outcomes.length}`);
      }
      const by = (outcome: FetchOutcome) => wanted.filter((_, i) => outcomes[i] === outcome);
      unknown.push(...by("unknown"));
      refused.push(...by("alone"));
      const before = ingesting;
      ingest(by("sent"), bodies);
      await before;
      wanted = by("again");
    }
  } finally {
    // Also when the peer is lost meanwhile: what it brought is here before anybody asks for it once more.
    await ingesting;
  }
  // What was refused by former policies or a shorter roster may be kept by those of now: it is not left alone.
  if (group.policy.history !== history || group.roster.log !== log) unknown.push(...refused.splice(0));
  group.tell({ kind: "fetched", from, via, ids, stored, unknown, refused });
}

/** What a batch cost that brought nothing to keep, in milliseconds: each body was read, and a signature looked at. */
function wastedMs({ malformed, refused, unknownAuthor }: Ingested, bodies: readonly Uint8Array[]): number {
  const wasted = malformed + refused.length + unknownAuthor.length;
  if (wasted === 0) return 0;
  return signaturesMs(wasted) + (decodeMs(bytesOf(bodies)) * wasted) / bodies.length;
}

/** So many of them have at least so many bytes: what came beside those that are kept earns nothing, however large it is. */
function leastBytes(bodies: readonly Uint8Array[], count: number): number {
  const lengths = bodies.map(({ length }) => length).sort((a, b) => a - b);
  return lengths.slice(0, count).reduce((sum, length) => sum + length, 0);
}

function bytesOf(bodies: readonly Uint8Array[]): number {
  return bodies.reduce((sum, body) => sum + body.length, 0);
}
