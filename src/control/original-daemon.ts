import { durationText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { shownTopics } from "../core/policy/topic.ts";
import { NOTHING_SAID, PROBE_PEERS_MAX, type ProbeRow, probeTimeoutMs } from "../node/operations/diagnosis.ts";
import type { Joined } from "../node/operations/invites.ts";
import type { Published, WatchEvent } from "../node/operations/messages.ts";
import type { AnswerOf, CallOptions, EventOf, Loose, Operation, RequestOf } from "../node/operations/operation.ts";
import type { OPERATIONS } from "../node/operations/table.ts";
import { Deadline } from "../transport/wait.ts";
import type { ControlFrame } from "../wire/control/control-frame.ts";
import type { InfoResp } from "../wire/control/control-info-frames.ts";
import { ControlConnection } from "./control-connection.ts";
import { ControlError } from "./control-error.ts";
import { dial } from "./dial.ts";
import { unknownToOriginal } from "./unknown-to-original.ts";

/** Wire. Peers an original asks at a time. */
const PROBE_AT_ONCE = 4;
/** Wire. What a join may take when nobody says. */
const JOIN_MS = 90_000;

/** Ours. How long it has to say what it is before it is told of. */
const NAME_MS = 2_000;

type Table = typeof OPERATIONS;
type OriginalCall<Name extends keyof Table> = (
  daemon: OriginalDaemon,
  request: RequestOf<Table[Name]>,
  options: CallOptions<EventOf<Table[Name]>> & { readonly timeoutMs: number | undefined },
) => Promise<AnswerOf<Table[Name]>>;

/** The operations that an original daemon can be asked for, in its own frames. */
const SAID: { readonly [Name in keyof Table]?: OriginalCall<Name> } = {
  /** Without the author's key in the answer. */
  async publish(daemon, { content, group_id, references, token, topics }, { timeoutMs }): Promise<Published> {
    if (token !== undefined) {
      throw new EntmootError("unsupported", "token: an original daemon knows none and would publish again each time");
    }
    if (references !== undefined && references.length > 0) {
      throw new EntmootError(
        "unsupported",
        "references: an original daemon's frame has no room for them; end it and start this one",
      );
    }
    const reply = await daemon.ask({ kind: "publish_req", group_id, topics, content }, "publish_resp", timeoutMs);
    const { pilot_node_id, entmoot_pubkey } = await daemon.info(timeoutMs);
    const { message_id, timestamp_ms } = reply;
    return {
      group_id: reply.group_id,
      message_id,
      author: { pilot_node_id, entmoot_pubkey: entmoot_pubkey ?? NOTHING },
      timestamp_ms,
      duplicate: undefined,
      behind_ms: undefined,
      unmet_mentions: undefined,
    };
  },

  async publish_signed(daemon, { message }, { timeoutMs }): Promise<Published> {
    const reply = await daemon.ask({ kind: "signed_publish_req", message }, "signed_publish_resp", timeoutMs);
    const { group_id, message_id, timestamp_ms } = reply;
    return {
      group_id,
      message_id,
      author: message.author,
      timestamp_ms,
      duplicate: undefined,
      behind_ms: undefined,
      unmet_mentions: undefined,
    };
  },

  /** From now on only, what its patterns cover, and without places to go on from (`seq` is 0). */
  async watch(daemon, { group_id, reserved, topic = "#" }, { onEvent, signal }) {
    const { shows } = shownTopics({ topic, reserved });
    for await (const frame of daemon.stream({ kind: "tail_subscribe", group_id, topic }, signal)) {
      if (frame.kind !== "tail_event") throw unexpected(frame, "tail_event");
      const { message } = frame;
      if (!shows(message.topics)) continue;
      await onEvent?.({
        kind: "message",
        group_id: message.group_id,
        seq: 0,
        place: "",
        message,
        apart: undefined,
        arrived_ms: undefined,
      } satisfies WatchEvent);
    }
    return {};
  },

  async join_invite(daemon, request, { signal }): Promise<Joined> {
    const ms = request.timeout_ms || JOIN_MS;
    const frame = {
      kind: "join_group_req",
      invite: request.invite,
      open_invite: undefined,
      group_metadata: request.metadata,
      group_policy: request.policy,
      timeout_ms: BigInt(ms),
    } as const;
    // It gets what was asked for, and some time on top to tell how it ended.
    const patienceMs = ms + Math.min(Math.max(ms / 10, 5_000), 30_000);
    const reply = await daemon.ask(frame, "join_group_resp", patienceMs, signal);
    const { pilot_node_id } = await daemon.info(undefined);
    const status = reply.status === "already_joined" ? "already_joined" : "joined";
    return {
      status,
      group_id: reply.group_id,
      issuer: reply.issuer,
      members: reply.members,
      local_node_id: pilot_node_id,
    };
  },

  async member_admit(daemon, { group_id, peers, target, valid_for_ms, valid_until_ms }, { timeoutMs }) {
    const frame = {
      kind: "invite_create_req",
      group_id,
      target,
      target_pilot_pubkey: NOTHING,
      require_pilot_identity: false,
      require_pilot_proof: false,
      target_pilot_proof: NOTHING,
      target_pilot_signature: NOTHING,
      valid_for_ms: BigInt(valid_for_ms ?? 0),
      valid_until_ms: valid_until_ms ?? 0n,
      bootstrap_peers: peers ?? [],
    } as const;
    const { invite, members, roster_head } = await daemon.ask(frame, "invite_create_resp", timeoutMs);
    return { group_id, roster_head, members, invite };
  },

  async member_expel(daemon, { group_id, target }, { timeoutMs }) {
    const reply = await daemon.ask({ kind: "member_remove_req", group_id, target }, "member_remove_resp", timeoutMs);
    return { group_id: reply.group_id, roster_head: reply.roster_head, members: reply.members };
  },

  async invite_authority(daemon, { group_id }, { timeoutMs }) {
    const request = { kind: "invite_authority_check_req", group_id } as const;
    const { members, roster_head } = await daemon.ask(request, "invite_authority_check_resp", timeoutMs);
    return { group_id, roster_head, members };
  },

  async probe(daemon, { group_id, peers, timeout_ms }, { signal }): Promise<{ peers: ProbeRow[] }> {
    const perPeerMs = probeTimeoutMs(timeout_ms ?? 0);
    const budgetMs = perPeerMs * Math.ceil(Math.min(peers.length, PROBE_PEERS_MAX) / PROBE_AT_ONCE) + 7_000;
    const request = { kind: "diag_probe_req", group_id, peers, timeout_ms: BigInt(perPeerMs) } as const;
    const reply = await daemon.ask(request, "diag_probe_resp", budgetMs, signal);
    return {
      peers: reply.peers.map(({ error, node_id, ok, received_ms, responder, rtt_ms }) => ({
        ...NOTHING_SAID,
        node_id,
        ok,
        rtt_ms: ok ? Number(rtt_ms) : undefined,
        error: error || undefined,
        responder: responder || undefined,
        received_ms: Number(received_ms) || undefined,
      })),
    };
  },
};

/** Its frames that only ask. */
const QUESTIONS: readonly ControlFrame["kind"][] = ["info_req", "invite_authority_check_req", "diag_probe_req"];

/** What else is to be said of a request without an answer. */
function unlessItLooks({ kind }: ControlFrame): string {
  return QUESTIONS.includes(kind) ? "" : "; it may have acted all the same";
}

/** A daemon of the original behind its control socket: each request takes a connection of its own. */
export class OriginalDaemon {
  readonly #path: string;
  readonly #clock: Clock;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Throws as the daemon refuses, `unsupported` for an operation that it does not know, `timeout`, `control_unavailable`. */
  call<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event>,
  ): Promise<Answer> {
    const said = SAID[operation.name as keyof Table] as
      | ((daemon: OriginalDaemon, request: Loose<Request>, options: CallOptions<Event>) => Promise<Answer>)
      | undefined;
    if (said === undefined) {
      return this.#refuse(operation.name);
    }
    return said(this, request, { ...options, timeoutMs: options.timeoutMs ?? operation.patienceMs });
  }

  /** Names it first: what closes a connection without a word may be any program. */
  async #refuse(operation: string): Promise<never> {
    const info = await this.info(NAME_MS).catch(() => undefined);
    if (info !== undefined) throw new EntmootError("unsupported", unknownToOriginal(operation, this.#path));
    throw new EntmootError(
      "control_unavailable",
      `what answers on ${this.#path} is neither a daemon of this program nor of the original; end it, or choose another data root`,
    );
  }

  /** What it says about itself. */
  info(timeoutMs: number | undefined): Promise<InfoResp> {
    return this.ask({ kind: "info_req" }, "info_resp", timeoutMs);
  }

  /** The answer to one request. */
  async ask<Kind extends ControlFrame["kind"]>(
    request: ControlFrame,
    expected: Kind,
    timeoutMs = 30_000,
    signal?: AbortSignal,
  ): Promise<Extract<ControlFrame, { kind: Kind }>> {
    using deadline = new Deadline(this.#clock, timeoutMs, signal);
    try {
      for await (const frame of this.stream(request, deadline.signal)) {
        if (frame.kind !== expected) throw unexpected(frame, expected);
        return frame as Extract<ControlFrame, { kind: Kind }>;
      }
    } catch (error) {
      if (!deadline.signal.aborted || signal?.aborted) throw error;
    }
    if (deadline.signal.aborted && !signal?.aborted) {
      throw new EntmootError(
        "timeout",
        `no answer from the daemon within ${durationText(timeoutMs)}${unlessItLooks(request)}`,
      );
    }
    throw new EntmootError(
      "control_unavailable",
      `the daemon closed the connection before it answered${unlessItLooks(request)}`,
    );
  }

  /** Every frame that answers one request, until the daemon ends it or `signal` aborts. Throws what the daemon refuses. */
  async *stream(request: ControlFrame, signal: AbortSignal | undefined): AsyncGenerator<ControlFrame> {
    const stream = await dial(this.#path, this.#clock);
    if (stream === undefined) throw new EntmootError("control_unavailable", "the daemon has ended");
    using connection = new ControlConnection(stream, () => -1);
    await connection.send(request);
    for (;;) {
      let frame: Awaited<ReturnType<ControlConnection["receive"]>>;
      try {
        frame = await connection.receive(signal);
      } catch (error) {
        if (signal?.aborted) return;
        throw error;
      }
      if (frame === null) return;
      if (frame.kind === "error") throw new ControlError(frame.code, frame.message);
      if (frame.kind === "unknown_extension" || frame.kind === "unreadable" || frame.kind === "operation") {
        throw new EntmootError("malformed_frame", `control socket: expected an original's frame, found ${frame.kind}`);
      }
      yield frame;
    }
  }
}

const NOTHING = new Uint8Array(0);

function unexpected(frame: ControlFrame, expected: string): EntmootError {
  return new EntmootError("malformed_frame", `control socket: expected ${expected}, found ${frame.kind}`);
}
