import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import type { Log } from "../../host/log.ts";
import { FramedStream } from "../../transport/framed-stream.ts";
import type { PeerStream } from "../../transport/transport.ts";
import { Deadline } from "../../transport/wait.ts";
import type { FrameLimits } from "../../wire/frame/frame-limits.ts";
import type { RawFrame } from "../../wire/frame/frame-reader.ts";
import { type Dialect, EXTENSION_TYPE_MIN, hasExtensions } from "../../wire/frame/frame-types.ts";
import { type Frame, frameType, peerLanguage, type UnknownExtension } from "../../wire/peer/frame.ts";
import { framePieces, PIECE_BYTES, type PiecedFrame, pieced } from "../../wire/peer/frame-pieces.ts";
import { noteMoved } from "../group/collect-garbage.ts";
import type { Group } from "../group/group.ts";
import { HeldFrame } from "./held-frame.ts";
import { Intake } from "./intake.ts";
import type { Reply } from "./member-frames.ts";
import type { PeerBudget } from "./peer-budget.ts";
import { priceOf, writeMs } from "./prices.ts";
import { Question } from "./question.ts";
import { RemovalProofs } from "./removal-proof.ts";
import type { ToldRosters } from "./told-rosters.ts";

/** How long a peer may take. */
export const INBOUND_TIMEOUTS = {
  /** Wire. Until its first frame is whole. */
  firstFrameMs: 5_000,
  /** Ours. Until each further one is: a stream left open for the next question costs a place until then. */
  nextFrameMs: 30_000,
  /** Wire. Until it has taken an answer. */
  answerMs: 90_000,
};

/** Ours. The original's answers may have 16 MiB, but nobody sends one unasked; a roster told of a change has a thousand entries. */
const MEMBER_FRAME_MAX_BYTES = 1024 * 1024;

/** Ours. Frames from one who is no member of anything here: a link to redeem, or the entries that make it one. */
const STRANGER_FRAME_MAX_BYTES = 48 * 1024;

/** Ours. An answer as small is not counted among those that are held: so many streams hold no more than their frames. */
const SMALL_ANSWER_BYTES = 4 * 1024;

/** Ours. Work that is done at once; what costs more waits for its turn, so that other things come in between. */
const QUICK_MS = 1;

export interface InboundParts {
  readonly group: (id: GroupId) => Group | undefined;
  /** Is this key a current member of any group here? */
  readonly isMemberSomewhere: (peer: PublicKey) => boolean;
  readonly budget: PeerBudget;
  /** For rosters that are told unasked. */
  readonly rosters: Pick<ToldRosters, "roster" | "forks">;
  readonly heardFrom: (peer: PublicKey) => void;
  /** Frames of a member about one group; gives the answer where one is owed. */
  readonly handle: (group: Group, from: PublicKey, frame: Frame, question: Question) => Promise<Reply | undefined>;
  /** Frames that need no membership. */
  readonly handleStranger: (from: PublicKey, frame: StrangerFrame) => Promise<Frame | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

type StrangerFrame = Extract<Frame, { kind: "redeem_req" | "peer_hint" }>;

type PeerFrames = FramedStream<Frame, Frame | UnknownExtension>;

interface AnswerWriting {
  readonly answer: PiecedFrame;
  readonly dialect: Dialect;
  readonly frames: PeerFrames;
  readonly question: Question;
}

/** Reads what peers send: caps, membership and budget before anything is looked at, one answer a question. */
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
    const { dialect, remote: from } = stream;
    const { budget, clock, isMemberSomewhere } = this.#parts;
    // Asked for each frame: it may be removed while the stream is open.
    const isMember = () => isMemberSomewhere(from);
    const language = peerLanguage(dialect);
    using held = new HeldFrame(budget, { from, isMember, drop: () => stream.reset() });
    const maxBytes = () => (isMember() ? MEMBER_FRAME_MAX_BYTES : STRANGER_FRAME_MAX_BYTES);
    const limited = { ...language, limits: atMostBytes(maxBytes, language.limits) };
    using intake = new Intake(budget, { peer: from, host: stream.host }, isMember);
    const frames: PeerFrames = new FramedStream(stream, limited, (bytes, came) => {
      held.resize(bytes);
      return intake.came(came);
    });
    const { firstFrameMs, nextFrameMs } = INBOUND_TIMEOUTS;
    try {
      let timeoutMs = firstFrameMs;
      for (;;) {
        const raw = await readWithin(clock, timeoutMs, frames);
        if (raw === undefined) break;
        timeoutMs = nextFrameMs;
        held.resize(raw.body.length);
        await intake.frame(raw.body.length);
        using question = new Question(budget, from, () => stream.reset());
        const answer = await this.#answer(stream, frames.decode(raw), question);
        held.resize(0);
        if (answer !== undefined) await this.#write({ answer, dialect, frames, question });
      }
      await frames[Symbol.asyncDispose]();
    } catch (error) {
      frames.reset();
      if (!(error instanceof EntmootError)) throw error;
      this.#parts.log.debug(`stream from ${from.slice(0, 12)} closed: ${error.message}`);
    }
  }

  /** Piece by piece as the peer takes it, each in its turn. */
  async #write({ answer, dialect, frames, question }: AnswerWriting): Promise<void> {
    const { budget, clock } = this.#parts;
    using deadline = new Deadline(clock, INBOUND_TIMEOUTS.answerMs);
    const isSmall = answer.bodyLength <= SMALL_ANSWER_BYTES;
    const ahead = async () => {
      if (isSmall) return;
      question.moved();
      noteMoved(clock, PIECE_BYTES);
      await budget.turns.take();
    };
    await frames.writePieces(framePieces(answer, dialect), { ahead, signal: deadline.signal });
  }

  async #answer(
    stream: PeerStream,
    frame: Frame | UnknownExtension,
    question: Question,
  ): Promise<PiecedFrame | undefined> {
    const answer = await this.#say(stream, frame, question);
    if (answer === undefined || "bodyLength" in answer) return answer;
    return pieced(answer);
  }

  async #say(stream: PeerStream, frame: Frame | UnknownExtension, question: Question): Promise<Reply | undefined> {
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
      if (group !== undefined) await this.#parts.rosters.roster(group, frame.entries, from);
      return undefined;
    }
    // Told by a member unasked, when a fork was learned or healed; no answer is owed.
    if (frame.kind === "roster_forks_resp") {
      if (group?.roster.members.has(from)) await this.#parts.rosters.forks(group, frame, from);
      return undefined;
    }
    // Whether a group is here is nobody's business but its members'.
    if (!group?.roster.members.has(from)) {
      return refusal(frame, dialect, new EntmootError("not_member", "not a member of this group here"));
    }
    this.#parts.heardFrom(from);
    return refuseOnError(frame, dialect, () => this.#handle(group, from, frame, question));
  }

  /** A member's frame, at its price: paid before the work, and what it makes before that is written. */
  async #handle(group: Group, from: PublicKey, frame: Frame, question: Question): Promise<Reply | undefined> {
    const price = priceOf(frame, group);
    await question.pay(price.workMs);
    if (price.bytes > SMALL_ANSWER_BYTES) await question.hold(price.bytes);
    if (price.workMs > QUICK_MS) await this.#parts.budget.turns.take();
    const answer = await this.#parts.handle(group, from, frame, question);
    if (answer === undefined) return undefined;
    const said = "bodyLength" in answer ? answer : pieced(answer);
    if (said !== answer && said.bodyLength > SMALL_ANSWER_BYTES) await question.hold(said.bodyLength);
    await question.pay(writeMs(said.bodyLength));
    return said;
  }
}

/** What can be refused in words is; anything else by ending the stream, as peers of the original expect. */
async function refuseOnError(
  frame: Frame,
  dialect: Dialect,
  action: () => Promise<Reply | undefined>,
): Promise<Reply | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    const answer = refusal(frame, dialect, error);
    if (answer === undefined) throw error;
    return answer;
  }
}

async function readWithin(clock: Clock, ms: number, frames: PeerFrames): Promise<RawFrame | undefined> {
  using deadline = new Deadline(clock, ms);
  return await frames.readRaw(deadline.signal);
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

function atMostBytes(maxBytes: () => number, limits: FrameLimits): FrameLimits {
  return (type) => Math.min(limits(type), maxBytes());
}
