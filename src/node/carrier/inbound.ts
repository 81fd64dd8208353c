import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import type { Log } from "../../host/log.ts";
import { FramedStream } from "../../transport/framed-stream.ts";
import type { PeerStream } from "../../transport/transport.ts";
import { Deadline, pause } from "../../transport/wait.ts";
import type { FrameLimits } from "../../wire/frame/frame-limits.ts";
import { type Dialect, EXTENSION_TYPE_MIN, hasExtensions } from "../../wire/frame/frame-types.ts";
import { type Frame, frameType, peerLanguage, type UnknownExtension } from "../../wire/peer/frame.ts";
import type { Group } from "../group/group.ts";
import { RemovalProofs } from "./removal-proof.ts";

/** How long a peer may take. */
export const INBOUND_TIMEOUTS = {
  /** Wire. Until its first frame is whole. */
  firstFrameMs: 5_000,
  /** Ours. Until each further one is: a stream left open for the next question costs a place until then. */
  nextFrameMs: 30_000,
  /** Wire. Until it has taken an answer. */
  answerMs: 90_000,
};

/**
 * Ours. The original's answers may have 16 MiB, but nobody sends one unasked; a roster told of a change has a
 * thousand entries. What a peer can make us hold is this, times the streams it may have open.
 */
const MEMBER_FRAME_MAX_BYTES = 1024 * 1024;

/** Ours. Frames from one who is no member of anything here: a link to redeem, or the entries that make it one. */
const STRANGER_FRAME_MAX_BYTES = 48 * 1024;

export interface InboundParts {
  readonly group: (id: GroupId) => Group | undefined;
  /** Is this key a current member of any group here? */
  readonly isMemberSomewhere: (peer: PublicKey) => boolean;
  /** Counts a frame of so many bytes; how long to wait before looking at it, 0 for not at all. */
  readonly waitMs: (peer: PublicKey, bytes: number) => number;
  readonly heardFrom: (peer: PublicKey) => void;
  /** Frames of a member about one group; gives the answer where one is owed. */
  readonly handle: (group: Group, from: PublicKey, frame: Frame) => Promise<Frame | undefined>;
  /** Frames that need no membership. */
  readonly handleStranger: (from: PublicKey, frame: StrangerFrame) => Promise<Frame | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

type StrangerFrame = Extract<Frame, { kind: "redeem_req" | "peer_hint" }>;

type PeerFrames = FramedStream<Frame, Frame | UnknownExtension>;

/** Reads what peers send: caps, membership and rate before anything is looked at, one answer a question. */
export class Inbound {
  readonly #parts: InboundParts;
  readonly #active = new Set<Promise<void>>();
  readonly #proofs = new RemovalProofs();

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  /** Takes over a stream a peer opened. */
  accept(stream: PeerStream): void {
    const work = this.#serve(stream).finally(() => this.#active.delete(work));
    this.#active.add(work);
  }

  async #serve(stream: PeerStream): Promise<void> {
    const from = stream.remote;
    const maxBytes = this.#parts.isMemberSomewhere(from) ? MEMBER_FRAME_MAX_BYTES : STRANGER_FRAME_MAX_BYTES;
    const language = peerLanguage(stream.dialect);
    const frames = new FramedStream(stream, { ...language, limits: atMostBytes(maxBytes, language.limits) });
    const { clock } = this.#parts;
    const { answerMs, firstFrameMs, nextFrameMs } = INBOUND_TIMEOUTS;
    try {
      let timeoutMs = firstFrameMs;
      for (;;) {
        const frame = await readWithin(clock, timeoutMs, frames);
        if (frame === undefined) break;
        timeoutMs = nextFrameMs;
        // A peer that sends faster than it may is read slower: nothing is lost, and its own writes stall.
        const waitMs = this.#parts.waitMs(from, frames.lastFrameBytes);
        if (waitMs > 0) await pause(clock, waitMs);
        const answer = await this.#answer(stream, frame);
        if (answer !== undefined) await writeWithin(clock, answerMs, frames, answer);
      }
      await frames[Symbol.asyncDispose]();
    } catch (error) {
      frames.reset();
      if (!(error instanceof EntmootError)) throw error;
      this.#parts.log.debug(`stream from ${from.slice(0, 12)} closed: ${error.message}`);
    }
  }

  async #answer(stream: PeerStream, frame: Frame | UnknownExtension): Promise<Frame | undefined> {
    const { dialect, proof, remote: from } = stream;
    if (frame.kind === "unknown_extension") {
      const message = `frame 0x${frame.type.toString(16)}: not known to this version`;
      return { kind: "refused", of_type: frame.type, code: "unknown_frame", message, group_id: undefined };
    }
    if (frame.kind === "redeem_req" || frame.kind === "peer_hint") {
      // A link lets in the key that shows it: over a claim it would let in whatever key was claimed.
      if (frame.kind === "redeem_req" && proof !== "key") {
        return refusal(
          frame,
          dialect,
          new EntmootError("unsupported", "this way here does not prove who shows the link"),
        );
      }
      return refuseOnError(frame, dialect, () => this.#parts.handleStranger(from, frame));
    }
    if (!("group_id" in frame) || frame.kind === "refused" || frame.group_id === undefined) return undefined;
    const group = this.#parts.group(frame.group_id);
    // Who was a member may ask why it is none.
    if (frame.kind === "roster_proof_req") {
      return refuseOnError(frame, dialect, async () =>
        this.#proofs.answer(group, from, frame, this.#parts.clock.steady()),
      );
    }
    // Entries prove themselves by the founder's signature, whoever brings them; a member we have not heard of brings its own.
    if (frame.kind === "roster_resp") {
      group?.acceptRoster(frame.entries, from);
      return undefined;
    }
    // Told by a member unasked, when a fork was learned or healed; no answer is owed.
    if (frame.kind === "roster_forks_resp") {
      if (group?.roster.members.has(from)) group.acceptForks(frame.entries, frame.heals, from);
      return undefined;
    }
    // Whether a group is here is nobody's business but its members'.
    if (!group?.roster.members.has(from)) {
      return refusal(frame, dialect, new EntmootError("not_member", "not a member of this group here"));
    }
    this.#parts.heardFrom(from);
    return refuseOnError(frame, dialect, () => this.#parts.handle(group, from, frame));
  }
}

/** What can be refused in words is; anything else by ending the stream, as peers of the original expect. */
async function refuseOnError(
  frame: Frame,
  dialect: Dialect,
  action: () => Promise<Frame | undefined>,
): Promise<Frame | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    const answer = refusal(frame, dialect, error);
    if (answer === undefined) throw error;
    return answer;
  }
}

async function readWithin(clock: Clock, ms: number, frames: PeerFrames): Promise<Frame | UnknownExtension | undefined> {
  using deadline = new Deadline(clock, ms);
  return await frames.read(deadline.signal);
}

async function writeWithin(clock: Clock, ms: number, frames: PeerFrames, frame: Frame): Promise<void> {
  using deadline = new Deadline(clock, ms);
  await frames.write(frame, deadline.signal);
}

/**
 * `undefined` for frames to which no answer is owed. Throws `error` where one is and the dialect has no words for a
 * refusal: the stream's end says it.
 */
function refusal(frame: Frame, dialect: Dialect, error: EntmootError): Frame | undefined {
  const type = frameType(frame.kind);
  if (type < EXTENSION_TYPE_MIN && !frame.kind.endsWith("_req")) return undefined;
  if (!hasExtensions(dialect)) throw error;
  const group_id = "group_id" in frame ? frame.group_id : undefined;
  return { kind: "refused", of_type: type, code: error.code, message: error.message.slice(0, 1000), group_id };
}

function atMostBytes(maxBytes: number, limits: FrameLimits): FrameLimits {
  return (type) => Math.min(limits(type), maxBytes);
}
