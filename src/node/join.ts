import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_MOOT_KEY } from "../core/default-moot.ts";
import { EntmootError } from "../core/errors.ts";
import { type GroupId, PublicKey } from "../core/ids.ts";
import { verifyInvite } from "../core/invite.ts";
import { irohAddresses } from "../core/iroh-address.ts";
import { parseJoinInput } from "../core/join-input.ts";
import { isMootLink, type MootLink, parseMootLink, refuseExpiredLink } from "../core/moot-link.ts";
import { parsePolicy } from "../core/policy.ts";
import type { Invite } from "../core/records.ts";
import { RosterLog } from "../core/roster-log.ts";
import { type Candidate, Join, type JoinEffect, type JoinEvent } from "../machine/join.ts";
import { askRosterAfter } from "./ask-roster.ts";
import type { JoinByInvite } from "./daemon-operations.ts";
import type { Group } from "./group.ts";
import { METADATA_FACT } from "./group-name.ts";
import type { NodeContext } from "./node-context.ts";
import type { Joined, JoinProgress, JoinRequest } from "./operations.ts";
import { failureOf, type Peers, Refusal } from "./peers.ts";

/**
 * Ours. One try to redeem a link; doubles from the first to the last. A dial that got no answer asks ever more rarely,
 * so an issuer that comes back is met sooner by a new one, while a slow way to it still gets its time.
 */
const REDEEM_TIMEOUT_FIRST_MS = 4_000;
const REDEEM_TIMEOUT_MAX_MS = 15_000;

/** Ours. Between two tries while the issuer cannot be reached; doubles from the first to the last. */
const REDEEM_WAIT_FIRST_MS = 500;
const REDEEM_WAIT_MAX_MS = 3_000;

/** Ours. How long a join waits for the messages there are; the rest comes while the daemon runs. */
const FIRST_PULL_MAX_MS = 10_000;

/** Wire. When nobody says. */
const TIMEOUT_DEFAULT_MS = 90_000;

interface Attempt {
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  readonly progress: (progress: JoinProgress) => void;
}

/** Takes this node into groups. One join a group at a time: a second one waits for the first. */
export class Joiner {
  readonly #context: NodeContext;
  readonly #running = new Map<GroupId, Promise<Joined>>();

  constructor(context: NodeContext) {
    this.#context = context;
  }

  /** By a moot link or the text of an invite. Throws as the input's reader, `unavailable`, `not_member`, `roster_rejected`. */
  async join(request: JoinRequest): Promise<Joined> {
    const attempt = this.#attempt(request);
    if (isMootLink(request.input)) {
      const link = parseMootLink(request.input);
      refuseExpiredLink(link, this.#context.now());
      const invite = await redeem(this.#context, link, attempt);
      return this.#joinGroup(invite, attempt, {});
    }
    const body = new TextEncoder().encode(request.input);
    const input = parseJoinInput(body, { nowMs: this.#context.now(), pinnedKey: PublicKey.toBytes(DEFAULT_MOOT_KEY) });
    switch (input.kind) {
      case "invite":
        return this.#joinGroup(input.invite, attempt, {});
      case "fleet_invite":
        return this.#joinGroup(input.invite, attempt, { metadata: input.groupMetadata });
      default:
        throw new EntmootError(
          "unsupported",
          "join: open invites redeemed over HTTPS need Pilot, which is not in this version; ask the issuer for a link (entmootd invite link)",
        );
    }
  }

  joinByInvite(request: JoinByInvite): Promise<Joined> {
    return this.#joinGroup(request.invite, this.#attempt(request), request);
  }

  #attempt(request: Pick<JoinRequest, "timeoutMs" | "onProgress" | "signal">): Attempt {
    const timeoutMs = request.timeoutMs > 0 ? request.timeoutMs : TIMEOUT_DEFAULT_MS;
    return {
      deadlineMs: this.#context.now() + timeoutMs,
      signal: request.signal,
      progress: (progress) => request.onProgress?.(progress),
    };
  }

  async #joinGroup(invite: Invite, attempt: Attempt, facts: JoinFacts): Promise<Joined> {
    verifyInvite(invite, this.#context.now());
    const running = this.#running.get(invite.group_id);
    if (running !== undefined) return running;
    const joining = joinGroup(this.#context, invite, attempt, facts);
    this.#running.set(invite.group_id, joining);
    try {
      return await joining;
    } finally {
      this.#running.delete(invite.group_id);
    }
  }
}

/** What is kept of a group once it is joined. */
interface JoinFacts {
  readonly metadata?: string | undefined;
  readonly policy?: string | undefined;
}

async function joinGroup(context: NodeContext, invite: Invite, attempt: Attempt, facts: JoinFacts): Promise<Joined> {
  const policy = facts.policy === undefined ? undefined : parsePolicy(facts.policy);
  const held = context.group(invite.group_id);
  if (held?.self !== undefined) return joinedForm(held, invite, "already_joined");
  const peers = requirePeers(context);
  for (const { endpoints } of invite.bootstrap_peers ?? []) {
    for (const { key, hint } of irohAddresses(endpoints)) context.hints.add(key, [hint.address]);
  }
  const { from, log } = await findRoster(context, peers, invite, attempt);
  const group = held ?? open(context, invite.group_id, log);
  if (held !== undefined && from.key !== undefined) held.takeRoster(log.entries, from.key);
  if (facts.metadata !== undefined) group.store.setFact(METADATA_FACT, facts.metadata);
  if (policy !== undefined) group.policy.set(policy);
  group.requireSelf();
  attempt.progress({ stage: "messages", message: "comparing messages with a member" });
  await compared(group, Math.min(FIRST_PULL_MAX_MS, attempt.deadlineMs - context.now()), attempt.signal);
  return joinedForm(group, invite, "joined");
}

function open(context: NodeContext, groupId: GroupId, log: RosterLog): Group {
  const store = context.root.createGroup(groupId);
  try {
    store.roster.append(log.entries);
    return context.adopt(groupId);
  } catch (error) {
    context.abandon(groupId);
    throw error;
  }
}

/** Resolves in any case: what is not here yet comes later. */
async function compared(group: Group, atMostMs: number, signal: AbortSignal | undefined): Promise<void> {
  const waited = new AbortController();
  const ends = signal === undefined ? waited.signal : AbortSignal.any([signal, waited.signal]);
  const late = delay(Math.max(0, atMostMs), undefined, { signal: ends }).catch(() => {});
  await Promise.race([group.compared, late]);
  waited.abort();
}

function joinedForm(group: Group, invite: Invite, status: Joined["status"]): Joined {
  return {
    status,
    group_id: group.id,
    issuer: invite.issuer,
    members: group.roster.log.members.length,
    local_node_id: group.requireSelf().pilot_node_id,
  };
}

function requirePeers(context: NodeContext): Peers {
  if (context.peers !== undefined) return context.peers;
  throw new EntmootError("unavailable", "join: this process opened no carrier; start the daemon with entmootd serve");
}

/** Shows the link's token to its issuer until it answers or the time is over. */
async function redeem(context: NodeContext, link: MootLink, attempt: Attempt): Promise<Invite> {
  const peers = requirePeers(context);
  if (link.issuer === context.local)
    throw new EntmootError("invalid_argument", "join: this node issued the link itself");
  context.hints.add(link.issuer, link.hints);
  const question = {
    kind: "redeem_req",
    group_id: link.groupId,
    token: link.token,
    hostname: context.hostname,
  } as const;
  const issuer = `issuer ${link.issuer.slice(0, 12)}`;
  let waitMs = REDEEM_WAIT_FIRST_MS;
  let tryMs = REDEEM_TIMEOUT_FIRST_MS;
  attempt.progress({ stage: "dialing", message: `asking the ${issuer}` });
  for (;;) {
    const leftMs = attempt.deadlineMs - context.now();
    try {
      const timeoutMs = Math.max(1, Math.min(tryMs, leftMs));
      const options = { ignoreBackoff: true, ...(attempt.signal === undefined ? {} : { signal: attempt.signal }) };
      const { invite } = await peers.ask(link.issuer, question, "redeem_resp", timeoutMs, options);
      if (invite.group_id !== link.groupId) {
        throw new Refusal("roster_rejected", "join: the issuer answered with an invite to another group");
      }
      attempt.progress({ stage: "redeemed", message: `the ${issuer} let us in` });
      return invite;
    } catch (error) {
      if (error instanceof Refusal || attempt.signal?.aborted) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (attempt.deadlineMs - context.now() <= waitMs) {
        throw new EntmootError(
          "unavailable",
          `join: the ${issuer} of this link could not be reached: ${reason}; it has to run (entmootd serve) while you join`,
          { cause: error },
        );
      }
      attempt.progress({ stage: "waiting", message: `the ${issuer} cannot be reached, trying again: ${reason}` });
      await delay(waitMs, undefined, attempt.signal === undefined ? {} : { signal: attempt.signal });
      waitMs = Math.min(REDEEM_WAIT_MAX_MS, 2 * waitMs);
      tryMs = Math.min(REDEEM_TIMEOUT_MAX_MS, 2 * tryMs);
    }
  }
}

/** Runs the joiner's machine: real time and real peers around it. */
function findRoster(
  context: NodeContext,
  peers: Peers,
  invite: Invite,
  attempt: Attempt,
): Promise<Extract<JoinEffect, { kind: "joined" }>> {
  const machine = new Join({ invite, localKey: context.local, deadlineMs: attempt.deadlineMs });
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const ended = Promise.withResolvers<Extract<JoinEffect, { kind: "joined" }>>();
  const onAbort = () => ended.reject(new EntmootError("unavailable", "join: stopped before it was done"));
  const tell = (event: JoinEvent) => {
    for (const effect of machine.handle(event, context.now())) carryOut(effect);
  };
  const carryOut = (effect: JoinEffect) => {
    switch (effect.kind) {
      case "ask_roster":
        void askCandidate(peers, invite.group_id, effect.to).then(tell);
        break;
      case "schedule": {
        const timer = setTimeout(() => {
          timers.delete(timer);
          tell({ kind: "timer" });
        }, effect.afterMs);
        timers.add(timer);
        break;
      }
      case "progress":
        attempt.progress(effect);
        break;
      case "joined":
        ended.resolve(effect);
        break;
      case "failed":
        ended.reject(new EntmootError(effect.code, effect.message));
    }
  };
  if (attempt.signal?.aborted) onAbort();
  attempt.signal?.addEventListener("abort", onAbort, { once: true });
  tell({ kind: "start" });
  return ended.promise.finally(() => {
    attempt.signal?.removeEventListener("abort", onAbort);
    for (const timer of timers) clearTimeout(timer);
  });
}

/** Never rejects. */
async function askCandidate(peers: Peers, groupId: GroupId, from: Candidate): Promise<JoinEvent> {
  if (from.key === undefined) {
    const detail = "its key is not in the invite, and only a carrier that dials by node id could reach it";
    return { kind: "no_roster", from, why: "unreachable", detail };
  }
  try {
    const entries = await askRosterAfter({ peers, groupId, to: from.key, after: undefined, ignoreBackoff: true });
    const { log, stopped } = RosterLog.empty.sync(entries);
    if (stopped === undefined) return { kind: "roster", from, log };
    return {
      kind: "no_roster",
      from,
      why: "invalid",
      detail: `its roster is broken at entry ${log.entries.length + 1}: ${stopped}`,
    };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const failure = failureOf(error);
    const why =
      error instanceof Refusal && error.code === "not_member"
        ? "refused"
        : failure === "refused"
          ? "invalid"
          : "unreachable";
    return { kind: "no_roster", from, why, detail };
  }
}
