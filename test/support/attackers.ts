import { unixMs } from "../../src/core/clock.ts";
import { ForksDigest, MerkleRoot, MessageId, type PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import { signGossip } from "../../src/core/record/gossip.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import type { RosterEntry } from "../../src/core/record/records.ts";
import { createGenesis } from "../../src/core/roster/roster-change.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import type { PeerStream, Transport } from "../../src/transport/transport.ts";
import { encodeFrame, type Frame, peerLanguage } from "../../src/wire/peer/frame.ts";
import type { TestIdentity } from "./identity.ts";
import { LARGE_MOOT } from "./large-moot.ts";
import { message } from "./message.ts";
import { statusQuestion } from "./status-question.ts";

/** A key with a carrier of its own that goes for one node. */
export interface Attacker {
  readonly transport: Transport;
  readonly identity: TestIdentity;
  readonly victim: PublicKey;
  readonly hints: readonly string[];
  readonly signal: AbortSignal;
}

/** Streams one attacker keeps busy: a few less than a node grants. */
const STREAMS = 60;

/** Between two streams of one attacker, so that opening them is not all it does. */
const PAUSE_MS = 20;

/** Goes on until the attacker's signal aborts; what the victim does to it is no failure. */
export type Attack = (attacker: Attacker) => Promise<void>;

const group_id = LARGE_MOOT;

/** What one member can do, by name. All at once is what the ceiling is for. */
export const MEMBER_ATTACKS: Readonly<Record<string, Attack>> = {
  /** Questions of 70 bytes whose answers are megabytes that nobody reads. */
  "unread ranges": unread((n) => ({ kind: "range_req", group_id, since_millis: BigInt(n) })),
  "unread rosters": unread(() => ({ kind: "roster_req", group_id, since_head: undefined })),
  "unread pages": unread(() => ({ kind: "ids_req", group_id, limit: 16_384, after: undefined })),
  "unread roster pages": unread(() => ({ kind: "roster_page_req", group_id, after: RosterEntryId.zero })),
  "unread snapshots": unread(() => ({ kind: "member_profile_snapshot_req", group_id })),
  /** The same, read as fast as they come and asked again. */
  "ranges without end": async (attacker) => {
    const ask = async (n: number) => {
      for (let at = 0; !attacker.signal.aborted; at += 1) {
        const since_millis = BigInt(n * 1_000_000 + at);
        await exchange(attacker, { kind: "range_req", group_id, since_millis });
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, n) => ask(n)));
  },
  /** Frames of the greatest size, all but their last byte. */
  "unended frames": async (attacker) => {
    const frame = new Uint8Array(1024 * 1024 + 3);
    new DataView(frame.buffer).setUint32(0, 1024 * 1024);
    frame[4] = 0x83;
    await onStreams(attacker, async (stream) => {
      await stream.write(frame, attacker.signal);
      await aborted(attacker.signal);
    });
  },
  /** Announcements without bodies; who asks for them gets a long answer a little at a time. */
  "trickled answers": async (attacker) => {
    attacker.transport.accept((stream) => void trickle(attacker, stream).catch(() => stream.reset()));
    await onStreams(attacker, async (stream, n) => {
      const frames = framed(stream);
      const ids = [MessageId.fromBytes(crypto.getRandomValues(new Uint8Array(32)))];
      const frame = { group_id, ids, timestamp: BigInt(Date.now() + n) };
      const signature = signGossip({ seed: attacker.identity.seed, frame });
      await frames.write({ kind: "gossip", ...frame, body: undefined, signature }, attacker.signal);
      await stream.finish();
      await aborted(attacker.signal);
    });
  },
  /** Who is asked for its roster, or for what it knows of others, says one thing for ever. */
  "rosters without end": async (attacker) => {
    const genesis = createGenesis({ seed: attacker.identity.seed, nowMs: unixMs(1) });
    const entries = new Array<RosterEntry>(2_000).fill(genesis);
    const page = { group_id, entries, last: false } as const;
    await answering(attacker, {
      roster_page_req: () => ({ kind: "roster_page_resp", ...page, name: "" }),
      roster_forks_req: () => ({ kind: "roster_forks_resp", ...page, heals: [] }),
      roster_proof_req: () => ({ kind: "roster_proof_resp", ...page, heals: [] }),
    });
  },
  /** Who lists ids that it made up, and brings what nobody would keep in their place. */
  "junk in place of messages": async (attacker) => {
    let pages = 0n;
    const junk = message({ by: attacker.identity, group_id });
    const body = messageCanonical({ ...junk, signature: new Uint8Array(64) });
    await answering(attacker, {
      ids_req: ({ limit }) => {
        const ids = crypto.getRandomValues(new Uint8Array(32 * Math.min(limit, 2_000)));
        const id = MessageId.fromBytes(ids.subarray(-32));
        pages += 1n;
        return { kind: "ids_resp", group_id, ids, next: { timestamp: pages, author_node_id: 1, id } };
      },
      fetch_many_req: ({ ids }) => {
        const outcomes = ids.map(() => "sent" as const);
        return { kind: "fetch_many_resp", group_id, outcomes, bodies: ids.map(() => body) };
      },
    });
  },
};

/** What anybody can do who knows an address. */
export const STRANGER_ATTACKS: Readonly<Record<string, Attack>> = {
  /** Frames that cost the most to read, as fast as they are taken. */
  "broken text": async (attacker) => {
    const frame = new Uint8Array(48 * 1024 + 3).fill(0xff);
    new DataView(frame.buffer).setUint32(0, 48 * 1024 - 1);
    frame[4] = 0x03;
    await onStreams(attacker, (stream) => stream.write(frame, attacker.signal), 4);
  },
};

type Answers = { readonly [K in Frame["kind"]]?: (asked: Extract<Frame, { kind: K }>) => Frame };

/** Says of a copy that it differs, also in its roster and in what it knows of others, and answers what it is asked then. */
async function answering(attacker: Attacker, answers: Answers): Promise<void> {
  const differs = () => ({
    ...statusQuestion(group_id),
    merkle_root: MerkleRoot.fromBytes(crypto.getRandomValues(new Uint8Array(32))),
    message_count: 1_000_000,
    roster_length: 1_000_000,
    roster_head: RosterEntryId.fromBytes(crypto.getRandomValues(new Uint8Array(32))),
    roster_forks: ForksDigest.fromBytes(crypto.getRandomValues(new Uint8Array(32))),
  });
  const all: Answers = {
    status_req: () => ({ ...differs(), kind: "status_resp", version: "", policy: "", twin: false }),
    ...answers,
  };
  const answer = async (stream: PeerStream) => {
    await using frames = framed(stream);
    const asked = await frames.read(attacker.signal);
    if (asked === undefined || asked.kind === "unknown_extension") return;
    // The key is the question's own kind, so its answer takes it.
    const make = all[asked.kind] as ((asked: Frame) => Frame) | undefined;
    if (make !== undefined) await frames.write(make(asked), attacker.signal);
    await frames.finish();
  };
  attacker.transport.accept((stream) => void answer(stream).catch(() => stream.reset()));
  while (!attacker.signal.aborted) {
    await exchange(attacker, differs());
    await pause(PAUSE_MS);
  }
}

function unread(question: (n: number) => Frame): Attack {
  return (attacker) =>
    onStreams(attacker, async (stream, n) => {
      await stream.write(encodeFrame(question(n), stream.dialect), attacker.signal);
      await aborted(attacker.signal);
    });
}

/** Keeps `streams` of them busy: each that ends is followed by another. */
async function onStreams(
  attacker: Attacker,
  use: (stream: PeerStream, n: number) => Promise<void>,
  streams = STREAMS,
): Promise<void> {
  const { hints, signal, transport, victim } = attacker;
  const one = async (n: number) => {
    while (!signal.aborted) {
      try {
        const stream = await transport.open(victim, { hints, signal });
        await use(stream, n).finally(() => stream.reset());
      } catch {
        // Refused, cut off, not let in: once more.
      }
      await pause(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: streams }, (_, n) => one(n)));
}

async function exchange({ hints, signal, transport, victim }: Attacker, frame: Frame): Promise<void> {
  try {
    await using stream = await transport.open(victim, { hints, signal });
    await stream.write(encodeFrame(frame, stream.dialect), signal);
    await stream.finish();
    while ((await stream.read(65_536, signal)) !== null);
  } catch {
    await pause(PAUSE_MS);
  }
}

const TRICKLE_BYTES = 16 * 1024 * 1024 - 64;
const TRICKLE_PIECE = 64 * 1024;
const PIECE_EVERY_MS = 10;

async function trickle({ signal }: Attacker, stream: PeerStream): Promise<void> {
  const frames = framed(stream);
  const asked = await frames.read(signal);
  if (asked?.kind === "fetch_many_req") {
    const outcomes = asked.ids.map(() => "alone" as const);
    await frames.write({ kind: "fetch_many_resp", group_id, outcomes, bodies: [] }, signal);
    await stream.finish();
    return;
  }
  if (asked?.kind !== "fetch_req") return stream.reset();
  const piece = new Uint8Array(TRICKLE_PIECE).fill(0x20);
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(0, TRICKLE_BYTES);
  head[4] = 0x06;
  await stream.write(head, signal);
  for (let at = 0; at < TRICKLE_BYTES - 2 * TRICKLE_PIECE; at += TRICKLE_PIECE) {
    await stream.write(piece, signal);
    await pause(PIECE_EVERY_MS);
  }
  await aborted(signal);
}

function framed(stream: PeerStream) {
  return new FramedStream(stream, peerLanguage(stream.dialect));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
