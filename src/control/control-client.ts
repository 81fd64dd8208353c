import { join } from "node:path";
import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import type { Invite, Message } from "../core/record/records.ts";
import type { RunningProgram } from "../host/running-program.ts";
import type {
  Admit,
  Admitted,
  DaemonOperations,
  JoinByInvite,
  Probe,
  ProbeRow,
  RosterState,
} from "../node/daemon-operations.ts";
import type {
  ChangeRoster,
  CreatedGroup,
  CreateGroup,
  Joined,
  JoinRequest,
  MintInvite,
  NodeStatus,
  Published,
  PublishRequest,
  RosterChanged,
  WatchEvent,
  WatchRequest,
} from "../node/operations.ts";
import type { ControlFrame } from "../wire/control/control-frame.ts";
import type { CreatedLink, LinkRow } from "../wire/control/link-frames.ts";
import type { PeerRow } from "../wire/control/peers-frames.ts";
import { ControlCalls } from "./control-calls.ts";
import { NO_DAEMON } from "./control-error.ts";
import { dial } from "./dial.ts";
import { PROBE_AT_ONCE, PROBE_PEERS_MAX, probeTimeoutMs } from "./handle-probe.ts";
import { joinGroupRequest, originalPublish, originalStatus, originalWatch } from "./original-daemon.ts";
import { within } from "./patience.ts";

/** Wire. Deadlines of the original's clients. */
const INFO_MS = 5_000;
const PUBLISH_MS = 30_000;
/** Ours. Everything else that a daemon does by itself. */
const REQUEST_MS = 30_000;
/** Wire. What a join may take when nobody says. */
const JOIN_MS = 90_000;

/** A running daemon seen through its control socket: each call is one connection. */
export class ControlClient implements DaemonOperations {
  readonly #calls: ControlCalls;

  private constructor(calls: ControlCalls) {
    this.#calls = calls;
  }

  /** The daemon of the data root; `undefined` when none listens. Throws `control_unavailable` when it cannot be asked. */
  static async connect(dataDir: string): Promise<ControlClient | undefined> {
    const path = join(dataDir, "control.sock");
    const first = await dial(path);
    return first === undefined ? undefined : new ControlClient(new ControlCalls(path, first));
  }

  async status(): Promise<NodeStatus> {
    const reply = await this.#calls.tryAsk({ kind: "node_status_req" }, "node_status_resp", INFO_MS);
    return reply === undefined ? originalStatus(this.#calls, INFO_MS) : body(reply);
  }

  async createGroup(request: CreateGroup): Promise<CreatedGroup> {
    return body(await this.#ask({ kind: "group_create_req", ...request }, "group_create_resp"));
  }

  async changeRoster({ groupId, op, nodeId, key }: ChangeRoster): Promise<RosterChanged> {
    const request = { group_id: groupId, op, node_id: nodeId, entmoot_pubkey: key };
    return body(await this.#ask({ kind: "roster_change_req", ...request }, "roster_change_resp"));
  }

  async mintInvite({ groupId, peers, validForMs }: MintInvite): Promise<Invite> {
    const request = { group_id: groupId, peers, valid_for_ms: validForMs };
    return (await this.#ask({ kind: "invite_mint_req", ...request }, "invite_mint_resp")).invite;
  }

  async createLink(request: { groupId: GroupId; uses: number; validForMs: number }): Promise<CreatedLink> {
    const { groupId: group_id, uses, validForMs: valid_for_ms } = request;
    return body(await this.#ask({ kind: "link_create_req", group_id, uses, valid_for_ms }, "link_create_resp"));
  }

  async listLinks(groupId: GroupId): Promise<LinkRow[]> {
    return [...(await this.#ask({ kind: "link_list_req", group_id: groupId }, "link_list_resp")).links];
  }

  async revokeLink({ groupId, link }: { groupId: GroupId; link: string }): Promise<LinkRow> {
    return body(await this.#ask({ kind: "link_revoke_req", group_id: groupId, link }, "link_revoke_resp"));
  }

  async join({ input, timeoutMs, onProgress, signal }: JoinRequest): Promise<Joined> {
    const request = { kind: "join_start", input, timeout_ms: timeoutMs } as const;
    for await (const frame of this.#calls.stream(request, within(joinDeadlineMs(timeoutMs), signal))) {
      if (frame.kind === "join_progress") onProgress?.({ stage: frame.stage, message: frame.message });
      else if (frame.kind === "joined") return body(frame);
      else throw unexpected(frame);
    }
    throw new EntmootError("unavailable", "the daemon ended before the join was done; run it again");
  }

  async joinByInvite(request: JoinByInvite): Promise<Joined> {
    const timeoutMs = joinDeadlineMs(request.timeoutMs);
    const reply = await this.#ask(joinGroupRequest(request), "join_group_resp", timeoutMs, request.signal);
    const status = reply.status === "already_joined" ? "already_joined" : "joined";
    const groups = (await this.status()).groups;
    const local_node_id = groups.find((group) => group.group_id === reply.group_id)?.local_node_id ?? 0;
    return { status, group_id: reply.group_id, issuer: reply.issuer, members: reply.members, local_node_id };
  }

  /** `timeoutMs` bounds the round trip; past it the message may have been published all the same. */
  async publish(request: PublishRequest, timeoutMs = PUBLISH_MS): Promise<Published> {
    const { groupId: group_id, topics, content, token } = request;
    const frame = { kind: "publish_token_req", group_id, topics, content, token } as const;
    const reply = await this.#calls.tryAsk(frame, "publish_token_resp", timeoutMs);
    return reply === undefined ? originalPublish(this.#calls, request, timeoutMs) : body(reply);
  }

  async publishSigned(message: Message): Promise<Published> {
    const reply = await this.#ask({ kind: "signed_publish_req", message }, "signed_publish_resp");
    const { group_id, message_id, timestamp_ms } = reply;
    return { group_id, message_id, author: message.author, timestamp_ms };
  }

  async peers(groupId: GroupId): Promise<PeerRow[]> {
    return [...(await this.#ask({ kind: "peers_req", group_id: groupId }, "peers_resp")).peers];
  }

  /** Also ends, without `signal`, when the daemon does: `after` then goes on where it stopped. */
  async *watch(request: WatchRequest): AsyncGenerator<WatchEvent> {
    try {
      if (await this.#calls.isOriginal()) yield* originalWatch(this.#calls, request);
      else yield* this.#watch(request);
    } catch (error) {
      if (!request.signal.aborted) throw error;
    }
  }

  async *#watch({ groupId: group_id, topic, from, after, peers, signal }: WatchRequest): AsyncGenerator<WatchEvent> {
    const cursors = after === undefined ? undefined : [...after].map(([group, seq]) => ({ group_id: group, seq }));
    const request = { kind: "watch_req", group_id, topic, from, after: cursors, peers } as const;
    for await (const frame of this.#calls.stream(request, { signal })) {
      if (frame.kind === "watch_message") yield { ...body(frame), kind: "message" };
      else if (frame.kind === "watch_peer") yield { ...body(frame), kind: "peer" };
      else throw unexpected(frame);
    }
  }

  async admit({ groupId, target, peers, validity }: Admit): Promise<Admitted> {
    const reply = await this.#ask(
      {
        kind: "invite_create_req",
        group_id: groupId,
        target,
        target_pilot_pubkey: NOTHING,
        require_pilot_identity: false,
        require_pilot_proof: false,
        target_pilot_proof: NOTHING,
        target_pilot_signature: NOTHING,
        valid_for_ms: "forMs" in validity ? BigInt(validity.forMs) : 0n,
        valid_until_ms: "untilMs" in validity ? validity.untilMs : 0n,
        bootstrap_peers: peers ?? [],
      },
      "invite_create_resp",
    );
    const { group_id, invite, roster_head, members } = reply;
    return { group_id, invite, roster_head, members };
  }

  async expel({ groupId, target }: Parameters<DaemonOperations["expel"]>[0]): Promise<RosterState> {
    const reply = await this.#ask({ kind: "member_remove_req", group_id: groupId, target }, "member_remove_resp");
    return { group_id: reply.group_id, roster_head: reply.roster_head, members: reply.members };
  }

  async inviteAuthority(groupId: GroupId): Promise<RosterState> {
    const request = { kind: "invite_authority_check_req", group_id: groupId } as const;
    const { group_id, roster_head, members } = await this.#ask(request, "invite_authority_check_resp");
    return { group_id, roster_head, members };
  }

  /** Any number of peers: asked for in portions the daemon takes. */
  async probe({ groupId, peers, timeoutMs, signal }: Probe): Promise<ProbeRow[]> {
    const rows: ProbeRow[] = [];
    const perPeerMs = probeTimeoutMs(timeoutMs);
    for (let at = 0; at < peers.length; at += PROBE_PEERS_MAX) {
      const portion = peers.slice(at, at + PROBE_PEERS_MAX);
      const budgetMs = perPeerMs * Math.ceil(portion.length / PROBE_AT_ONCE) + 2_000 + 5_000;
      const request = { group_id: groupId, peers: portion, timeout_ms: BigInt(perPeerMs) };
      const reply = await this.#ask({ kind: "diag_probe_req", ...request }, "diag_probe_resp", budgetMs, signal);
      for (const { node_id, ok, rtt_ms, error, responder, received_ms } of reply.peers) {
        rows.push({
          node_id,
          ok,
          rtt_ms: ok ? Number(rtt_ms) : undefined,
          error: error || undefined,
          responder: responder || undefined,
          received_ms: Number(received_ms) || undefined,
        });
      }
    }
    return rows;
  }

  /** Resolves once the daemon's process is gone. Throws `timeout` when it is not after `timeoutMs`. */
  async stop(timeoutMs = REQUEST_MS): Promise<void> {
    let asked = false;
    for await (const frame of this.#calls.stream({ kind: "stop_req" }, within(timeoutMs))) {
      if (frame.kind !== "stop_resp") throw unexpected(frame);
      asked = true;
    }
    if (!asked) throw new EntmootError("unsupported", "the running daemon cannot be asked to stop; end its process");
  }

  /**
   * How the daemon of the executable `path` was started. Throws `unsupported` when it cannot start itself again and
   * `conflict` when it runs from another executable.
   */
  async program(path: string): Promise<RunningProgram & { readonly pid: number }> {
    return body(await this.#ask({ kind: "restart_req", path, ask_only: true }, "restart_resp", INFO_MS));
  }

  /**
   * Ends the daemon of the executable `path` cleanly and lets what stands there now take its process over; resolves
   * once it has. Throws as `program` does, and `timeout` when the daemon has not ended after `timeoutMs`.
   */
  async restart(path: string, timeoutMs = REQUEST_MS): Promise<void> {
    for await (const frame of this.#calls.stream({ kind: "restart_req", path, ask_only: false }, within(timeoutMs))) {
      if (frame.kind !== "restart_resp") throw unexpected(frame);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#calls[Symbol.dispose]();
    return Promise.resolve();
  }

  async #ask<Kind extends ControlFrame["kind"]>(
    request: ControlFrame,
    expected: Kind,
    timeoutMs = REQUEST_MS,
    signal?: AbortSignal,
  ): Promise<Extract<ControlFrame, { kind: Kind }>> {
    const reply = await this.#calls.tryAsk(request, expected, timeoutMs, signal);
    if (reply !== undefined) return reply;
    if (!(await this.#calls.isAlive())) throw new EntmootError("control_unavailable", NO_DAEMON);
    throw new EntmootError("unsupported", `the running daemon does not know ${request.kind}; update and restart it`);
  }
}

const NOTHING = new Uint8Array(0);

/** The frame without the name of its kind. */
function body<F extends { readonly kind: string }>({ kind: _, ...rest }: F): Omit<F, "kind"> {
  return rest;
}

/** Wire. The daemon gets what was asked for, and some time on top to tell how it ended. */
function joinDeadlineMs(timeoutMs: number): number {
  const ms = timeoutMs <= 0 ? JOIN_MS : timeoutMs;
  return ms + Math.min(Math.max(ms / 10, 5_000), 30_000);
}

function unexpected(frame: ControlFrame): EntmootError {
  return new EntmootError("malformed_frame", `control socket: expected an answer, found ${frame.kind}`);
}
