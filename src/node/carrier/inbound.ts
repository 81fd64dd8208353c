import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import type { Log } from "../../host/log.ts";
import type { PeerStream } from "../../transport/transport.ts";
import { Deadline, pause } from "../../transport/wait.ts";
import { type FrameLimits, peerLimits } from "../../wire/frame/frame-limits.ts";
import { EXTENSION_TYPE_MIN } from "../../wire/frame/frame-types.ts";
import { type Frame, frameType, type UnknownExtension } from "../../wire/peer/frame.ts";
import type { Group } from "../group/group.ts";
import { FrameStream } from "./frame-stream.ts";

/** How long a peer may take. */
export const INBOUND_TIMEOUTS = {
  /** Wire. Until its first frame is whole. */
  firstFrameMs: 5_000,
  /** Ours. Until each further one is. */
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
  readonly handle: (group: Group, from: PublicKey, frame: GroupFrame) => Promise<Frame | undefined>;
  /** Frames that need no membership. */
  readonly handleStranger: (from: PublicKey, frame: StrangerFrame) => Promise<Frame | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

export type StrangerFrame = Extract<Frame, { kind: "redeem_req" | "peer_hint" }>;

/** The frames that belong to one group. */
export type GroupFrame = Exclude<Extract<Frame, { group_id: GroupId }>, { kind: "redeem_req" } | { kind: "refused" }>;

/** Reads what peers send: caps, membership and rate before anything is looked at, one answer a question. */
export class Inbound {
  readonly #parts: InboundParts;
  readonly #active = new Set<Promise<void>>();

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
    const isMember = this.#parts.isMemberSomewhere(from);
    const limits = isMember ? memberLimits : strangerLimits;
    const frames = new FrameStream(stream, "entmoot/1", limits);
    const { clock } = this.#parts;
    const { answerMs, firstFrameMs, nextFrameMs } = INBOUND_TIMEOUTS;
    try {
      let timeoutMs = firstFrameMs;
      for (;;) {
        const frame = await this.#read(frames, timeoutMs);
        if (frame === undefined) break;
        timeoutMs = nextFrameMs;
        // A peer that sends faster than it may is read slower: nothing is lost, and its own writes stall.
        const waitMs = this.#parts.waitMs(from, frames.lastFrameBytes);
        if (waitMs > 0) await pause(clock, waitMs);
        const answer = await this.#answer(from, frame);
        if (answer !== undefined) await this.#write(frames, answer, answerMs);
      }
      await frames[Symbol.asyncDispose]();
    } catch (error) {
      frames.reset();
      if (!(error instanceof EntmootError)) throw error;
      this.#parts.log.debug(`stream from ${from.slice(0, 12)} closed: ${error.message}`);
    }
  }

  async #read(frames: FrameStream, ms: number): Promise<Frame | UnknownExtension | undefined> {
    using deadline = new Deadline(this.#parts.clock, ms);
    return await frames.read(deadline.signal);
  }

  async #write(frames: FrameStream, frame: Frame, ms: number): Promise<void> {
    using deadline = new Deadline(this.#parts.clock, ms);
    await frames.write(frame, deadline.signal);
  }

  async #answer(from: PublicKey, frame: Frame | UnknownExtension): Promise<Frame | undefined> {
    if (frame.kind === "unknown_extension") {
      const message = `frame 0x${frame.type.toString(16)}: not known to this version`;
      return { kind: "refused", of_type: frame.type, code: "unknown_frame", message, group_id: undefined };
    }
    if (frame.kind === "redeem_req" || frame.kind === "peer_hint") {
      return this.#refuseOnError(frame, () => this.#parts.handleStranger(from, frame));
    }
    if (!("group_id" in frame) || frame.kind === "refused" || frame.group_id === undefined) return undefined;
    const group = this.#parts.group(frame.group_id);
    // Entries prove themselves by the founder's signature, whoever brings them; a member we have not heard of brings its own.
    if (frame.kind === "roster_resp") {
      group?.takeRoster(frame.entries, from);
      return undefined;
    }
    // Whether a group is here is nobody's business but its members'.
    if (!group?.roster.members.has(from)) return refusal(frame, "not_member", "not a member of this group here");
    this.#parts.heardFrom(from);
    return this.#refuseOnError(frame, () => this.#parts.handle(group, from, frame));
  }

  /** A question of our own dialect is refused in words; anything else by ending the stream, as peers expect. */
  async #refuseOnError(frame: Frame, action: () => Promise<Frame | undefined>): Promise<Frame | undefined> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      const answer = refusal(frame, error.code, error.message);
      if (answer === undefined) throw error;
      return answer;
    }
  }
}

/** `undefined` for frames to which no answer is owed. */
function refusal(frame: Frame, code: string, message: string): Frame | undefined {
  const type = frameType(frame.kind);
  if (type < EXTENSION_TYPE_MIN && !frame.kind.endsWith("_req")) return undefined;
  const group_id = "group_id" in frame ? frame.group_id : undefined;
  return { kind: "refused", of_type: type, code, message: message.slice(0, 1000), group_id };
}

const entmoot1 = peerLimits("entmoot/1");
const memberLimits: FrameLimits = (type) => Math.min(entmoot1(type), MEMBER_FRAME_MAX_BYTES);
const strangerLimits: FrameLimits = (type) => Math.min(entmoot1(type), STRANGER_FRAME_MAX_BYTES);
