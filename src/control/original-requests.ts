import { EntmootError, type ErrorCode } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { tailSees } from "../core/policy/topic.ts";
import type { NodeInfo } from "../core/record/records.ts";
import type { Log } from "../host/log.ts";
import { status } from "../node/operations/daemon.ts";
import { PROBE_PEERS_MAX, probe } from "../node/operations/diagnosis.ts";
import { join_invite, join_open_invite } from "../node/operations/invites.ts";
import { publish, publish_signed, watch } from "../node/operations/messages.ts";
import { invite_authority, member_admit, member_expel } from "../node/operations/moots.ts";
import type { Operations } from "../node/operations/operation.ts";
import { readiness } from "../view/readiness.ts";
import type { ControlFrame } from "../wire/control/control-frame.ts";
import { controlType } from "../wire/control/control-frame.ts";
import { EXTENSION_TYPE_MIN } from "../wire/frame/frame-types.ts";
import type { ControlConnection } from "./control-connection.ts";
import { controlFailure } from "./control-error.ts";
import type { Reservations } from "./reservations.ts";

/** Wire. How long an invite made by request is good for. */
const INVITE_VALID_FOR_MS = 24 * 3_600_000;

export interface OriginalService {
  readonly connection: ControlConnection;
  readonly node: Operations;
  /** Aborts when the door closes. */
  readonly ending: AbortSignal;
  readonly log: Log;
  readonly streams: Reservations;
}

/** What one request of the original's is carried out with. */
interface Exchange {
  readonly node: Operations;
  /** Waits while the client is slow; throws when it has gone. */
  readonly send: (frame: ControlFrame) => Promise<void>;
  /** Aborts when the client has gone or the door closes. */
  readonly gone: AbortSignal;
}

type OriginalHandler<Kind extends ControlFrame["kind"]> = (
  request: Extract<ControlFrame, { kind: Kind }>,
  exchange: Exchange,
) => Promise<void>;

/** Every request an original's client can make, in the operations of ours that carry it out. Any other frame is out of place. */
const HANDLERS = {
  async publish_req(request, { node, send }) {
    const content = request.content ?? new Uint8Array(0);
    const { group_id, topics } = request;
    const { author: _, ...published } = await node.call(publish, { group_id, topics, content, verbatim: true });
    await send({ kind: "publish_resp", ...published });
  },

  /** From now on, by what its patterns cover. It reads the delivery log, so a slow client only waits longer. */
  async tail_subscribe({ group_id, topic: named }, { gone, node, send }) {
    const topic = named === "" ? "#" : named;
    await node.call(
      watch,
      { group_id, topic, reserved: true },
      {
        signal: gone,
        onEvent: (event) =>
          event.kind === "message" && tailSees(topic, event.message.topics)
            ? send({ kind: "tail_event", message: event.message })
            : undefined,
      },
    );
  },

  /** Its Merkle roots travel as 32 numbers. */
  async info_req(_request, { node, send }) {
    const { data_dir, entmoot_pubkey, groups, listen_port, pilot_node_id } = await node.call(status, {});
    const rows = groups.map(({ group_id, members, merkle_root, messages }) => ({
      group_id,
      members,
      messages,
      merkle_root,
    }));
    await send({
      kind: "info_resp",
      pilot_node_id,
      entmoot_pubkey,
      listen_port,
      data_dir,
      groups: rows,
      running: true,
    });
  },

  async signed_publish_req({ message }, { node, send }) {
    const { author, ...published } = await node.call(publish_signed, { message });
    await send({ kind: "signed_publish_resp", status: "accepted", ...published, author: author.pilot_node_id });
  },

  /** It goes on when the client leaves, as the original's does. */
  async join_group_req(request, { node, send }) {
    const hasInvite = request.invite.group_id !== GroupId.zero;
    if (hasInvite === (request.open_invite !== undefined)) {
      throw new EntmootError(
        "invalid_argument",
        "invite malformed: join request requires exactly one signed invite or open invite",
      );
    }
    const kept = {
      metadata: request.group_metadata,
      policy: request.group_policy,
      timeout_ms: Math.max(0, milliseconds(request.timeout_ms)),
    };
    const { group_id, issuer, members, status } =
      request.open_invite === undefined
        ? await node.call(join_invite, { invite: request.invite, ...kept })
        : await node.call(join_open_invite, { ...request.open_invite, ...kept });
    const ready = JSON.stringify(await readiness(node, { groupId: group_id, status }));
    await send({ kind: "join_group_resp", status, group_id, issuer, members, readiness: ready });
  },

  async invite_create_req(request, { node, send }) {
    verifyTarget("invite_create", request.group_id, request.target);
    const wantsPilot =
      request.require_pilot_identity ||
      request.require_pilot_proof ||
      [request.target_pilot_pubkey, request.target_pilot_proof, request.target_pilot_signature].some(
        ({ length }) => length > 0,
      );
    if (wantsPilot) {
      throw new EntmootError(
        "unavailable",
        "pilot-daemon does not advertise lookup_node: this daemon runs without Pilot and cannot check a Pilot identity",
      );
    }
    // The last that is given wins: the default, then the span, then the instant.
    const forMs = request.valid_for_ms === 0n ? INVITE_VALID_FOR_MS : milliseconds(request.valid_for_ms);
    const admitted = await node.call(member_admit, {
      group_id: request.group_id,
      target: request.target,
      peers: request.bootstrap_peers.length === 0 ? undefined : request.bootstrap_peers,
      ...(request.valid_until_ms === 0n ? { valid_for_ms: forMs } : { valid_until_ms: request.valid_until_ms }),
    });
    await send({ kind: "invite_create_resp", status: "created", ...admitted });
  },

  async member_remove_req({ group_id, target }, { node, send }) {
    verifyTarget("member_remove", group_id, target);
    await send({
      kind: "member_remove_resp",
      status: "removed",
      ...(await node.call(member_expel, { group_id, target })),
    });
  },

  async invite_authority_check_req({ group_id }, { node, send }) {
    if (group_id === GroupId.zero) {
      throw new EntmootError("invalid_argument", "invite_authority_check requires group_id");
    }
    const state = await node.call(invite_authority, { group_id });
    await send({ kind: "invite_authority_check_resp", status: "ok", ...state });
  },

  async diag_probe_req({ group_id, peers, timeout_ms }, { gone, node, send }) {
    if (peers.length > PROBE_PEERS_MAX) {
      throw new EntmootError(
        "invalid_argument",
        `too many peers for one diagnostic probe: at most ${PROBE_PEERS_MAX}, found ${peers.length}`,
      );
    }
    const request = { group_id, peers, timeout_ms: Math.max(0, milliseconds(timeout_ms)) };
    const answer = await node.call(probe, request, { signal: gone });
    await send({
      kind: "diag_probe_resp",
      group_id,
      peers: answer.peers.map((row) => ({
        node_id: row.node_id,
        ok: row.ok,
        rtt_ms: BigInt(row.rtt_ms ?? 0),
        error: row.error ?? "",
        responder: row.responder ?? 0,
        received_ms: BigInt(row.received_ms ?? 0),
      })),
    });
  },
} as const satisfies { readonly [Kind in ControlFrame["kind"]]?: OriginalHandler<Kind> };

/** Carries out one request of an original's client and tells it what fails in the original's frame. */
export async function serveOriginal(
  request: ControlFrame,
  { connection, ending, log, node, streams }: OriginalService,
): Promise<void> {
  const gone = AbortSignal.any([connection.gone, ending]);
  const handle = handlerOf(request);
  try {
    if (handle === undefined) throw new EntmootError("invalid_argument", `unexpected ipc type ${request.kind}`);
    using _place = request.kind === "tail_subscribe" ? streams.reserve() : undefined;
    await handle(request, { node, gone, send: (frame) => connection.send(frame) });
  } catch (cause) {
    const isGone = gone.aborted && cause === gone.reason;
    const error = isGone ? new EntmootError("unavailable", "the client has gone", { cause }) : cause;
    if (!(error instanceof EntmootError)) log.error("control socket: request failed", error);
    if (request.kind === "tail_subscribe" && gone.aborted) return;
    await connection.send(failureFrame(request, error));
  }
}

function handlerOf(frame: ControlFrame): OriginalHandler<ControlFrame["kind"]> | undefined {
  return (HANDLERS as { readonly [kind: string]: unknown })[frame.kind] as
    | OriginalHandler<ControlFrame["kind"]>
    | undefined;
}

function failureFrame(request: ControlFrame, error: unknown): ControlFrame {
  const { code, message } = controlFailure(inOriginalWords(request, error));
  const type = controlType(request.kind);
  const group_id = groupNamed(request, error);
  if (type < EXTENSION_TYPE_MIN) return { kind: "error", type: "error", code, group_id, message };
  const exact: ErrorCode = error instanceof EntmootError ? error.code : "internal";
  return { kind: "refused", of_type: type, code: exact, message, group_id };
}

/** The group an error frame names, as the original chooses it: the one asked for, unless it is none. */
function groupNamed(request: ControlFrame, error: unknown): GroupId | undefined {
  // One that names nothing may be the zero id, and is told so.
  if (request.kind === "signed_publish_req") return request.message.group_id;
  if (handlerOf(request) === undefined) return undefined;
  // A publish is checked before its group is looked for.
  const isArgument = error instanceof EntmootError && error.code === "invalid_argument";
  if (request.kind === "publish_req" && isArgument) return undefined;
  const { group_id } = request.kind === "join_group_req" ? request.invite : { group_id: undefined, ...request };
  return group_id === GroupId.zero ? undefined : group_id;
}

/** Two of the original's requests say in their errors what failed. */
function inOriginalWords(request: ControlFrame, error: unknown): unknown {
  if (!(error instanceof EntmootError) || error.code === "group_not_found") return error;
  const what = WORDS[request.kind as keyof typeof WORDS];
  return what === undefined ? error : new EntmootError(error.code, `${what}: ${error.message}`, { cause: error });
}

const WORDS = { signed_publish_req: "signed publish", join_group_req: "join group" } as const;

function verifyTarget(request: string, groupId: GroupId, target: NodeInfo): void {
  if (groupId === GroupId.zero) throw new EntmootError("invalid_argument", `${request} requires group_id`);
  if (target.pilot_node_id === 0)
    throw new EntmootError("invalid_argument", `${request} requires target agent identity: no node id`);
  const length = target.entmoot_pubkey?.length ?? 0;
  if (length !== 32) {
    throw new EntmootError(
      "invalid_argument",
      `${request} requires target agent identity: expected a key of 32 bytes, got ${length}`,
    );
  }
}

/** What is past the last exact number is as good as without end. */
function milliseconds(ms: bigint): number {
  return Number(ms > SAFE_MAX ? SAFE_MAX : ms);
}

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);
