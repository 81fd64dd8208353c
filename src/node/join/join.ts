import { invitedHints } from "../../core/admission/address-hint.ts";
import { DEFAULT_MOOT_KEY, DEFAULT_MOOT_METADATA, parsePinnedKey } from "../../core/admission/default-moot.ts";
import { verifyInvite } from "../../core/admission/invite.ts";
import { type JoinInput, parseJoinInput } from "../../core/admission/join-input.ts";
import { linkInJson } from "../../core/admission/link-in-json.ts";
import { isMootLink, parseMootLink, refuseExpiredLink } from "../../core/admission/moot-link.ts";
import {
  isEntmootLink,
  type OpenInvite,
  parseOpenInvite,
  parseOpenInviteLink,
} from "../../core/admission/open-invite.ts";
import { later } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, PublicKey } from "../../core/ids.ts";
import { formatPolicy, parsePolicy } from "../../core/policy/policy.ts";
import type { Invite, NodeInfo } from "../../core/record/records.ts";
import type { RosterLog } from "../../core/roster/roster-log.ts";
import { candidatesOf } from "../../machine/join.ts";
import { atMost } from "../../transport/wait.ts";
import type { CarrierSide } from "../carrier/carrier-side.ts";
import type { Peers } from "../carrier/peers.ts";
import { refuseDeclined } from "../default-moot/declined.ts";
import type { Group } from "../group/group.ts";
import { groupName, METADATA_FACT } from "../group/group-name.ts";
import { noteMootName } from "../kept-names.ts";
import { noteMootUsed } from "../last-moot.ts";
import type { NodeContext } from "../node-context.ts";
import type { Call } from "../operations/implementation.ts";
import type { Joined, JoinProgress, join, join_invite, join_open_invite } from "../operations/invites.ts";
import type { RequestOf } from "../operations/operation.ts";
import { publicMetadata } from "../public/metadata.ts";
import type { Turns } from "../turns.ts";
import { whenWritable } from "../when-writable.ts";
import type { JoinAttempt } from "./drive-machine.ts";
import { findRoster } from "./find-roster.ts";
import { JoinRoom } from "./join-room.ts";
import { redeem } from "./redeem-link.ts";
import { type ExpectedInvite, redeemOpenInvite } from "./redeem-open-invite.ts";

/** Ours. How long a join waits for the messages there are; the rest comes while the daemon runs. */
const FIRST_PULL_MAX_MS = 10_000;

/** Wire. As the original waits: scripts made for it count on an end by then. */
const TIMEOUT_DEFAULT_MS = 90_000;
/** Ours. Longer waits belong in a loop around the call. */
const TIMEOUT_MAX_MS = 3_600_000;

type DefaultMootInput = Extract<JoinInput, { kind: "default_moot" }>;

/** Takes this node into groups. One join a group at a time: a second one waits for the first. */
export class Joiner {
  readonly #context: NodeContext;
  readonly #running = new Map<GroupId, Promise<Joined>>();
  readonly #room = new JoinRoom();

  constructor(context: NodeContext) {
    this.#context = context;
  }

  /** By a moot link or the text of an invite. Throws as the input's reader, `unavailable`, `not_member`, `roster_rejected`. */
  join(request: RequestOf<typeof join>, call: Call<JoinProgress>): Promise<Joined> {
    return this.#attempt(request.timeout_ms, call, (attempt) => this.#joinBy(request, attempt));
  }

  /** By an invite at hand. */
  joinByInvite(request: RequestOf<typeof join_invite>, call: Call<JoinProgress>): Promise<Joined> {
    return this.#attempt(request.timeout_ms, call, (attempt) => this.#joinGroup(request.invite, attempt, request));
  }

  /** By an open invite that is redeemed over HTTPS. */
  async joinByOpenInvite(request: RequestOf<typeof join_open_invite>, call: Call<JoinProgress>): Promise<Joined> {
    const { expected_group_id, expected_issuer, issuer_url, metadata, policy, token } = request;
    const openInvite = parseOpenInvite({ issuer_url, token, link: "" });
    const expected = {
      ...(expected_group_id === undefined ? {} : { groupId: expected_group_id }),
      ...(expected_issuer === undefined ? {} : { issuer: expected_issuer }),
    };
    const facts = { metadata, policy };
    return this.#attempt(request.timeout_ms, call, (attempt) =>
      this.#joinByOpenInvite(openInvite, attempt, expected, facts),
    );
  }

  async #joinBy(request: RequestOf<typeof join>, attempt: JoinAttempt): Promise<Joined> {
    const { input: given, pinned_key } = request;
    const text = linkInJson(given) ?? given;
    if (isMootLink(text)) {
      const link = parseMootLink(text);
      refuseExpiredLink(link, this.#context.clock.unix());
      const { clock, config, hints, hostname, local } = this.#context;
      if (link.issuer === local) throw new EntmootError("invalid_argument", "join: this node issued the link itself");
      hints.add(link.issuer, link.hints);
      const { peers } = requireCarrier(this.#context);
      const { invite, name } = await redeem({ clock, config, hostname, peers }, link, attempt);
      return this.#joinGroup(invite, attempt, { name });
    }
    if (isEntmootLink(text)) return this.#joinByOpenInvite(parseOpenInviteLink(text), attempt);
    const input = parseJoinInput(new TextEncoder().encode(text), {
      nowMs: this.#context.clock.unix(),
      pinnedKey: PublicKey.toBytes(pinned_key === undefined ? DEFAULT_MOOT_KEY : parsePinnedKey(pinned_key)),
    });
    switch (input.kind) {
      case "invite":
        return this.#joinGroup(input.invite, attempt, {});
      case "fleet_invite":
        return this.#joinGroup(input.invite, attempt, { metadata: input.groupMetadata });
      case "open_invite":
        return this.#joinByOpenInvite(input.openInvite, attempt);
      case "default_moot":
        return this.#joinDefaultMoot(input, attempt);
      case "public_moot":
        return this.#joinPublicMoot(input, attempt);
    }
  }

  /** By the default moot's descriptor, verified, and by the word of the owner, who may have declined it before. */
  joinDefaultMoot(
    found: Pick<DefaultMootInput, "descriptor" | "openInvite">,
    timeoutMs: number | undefined,
    call: Call<JoinProgress>,
  ): Promise<Joined> {
    const { adopt, group, root } = this.#context;
    const { group_id: id } = found.descriptor;
    if (group(id) === undefined && root.groupIds().includes(id)) adopt(id);
    return this.#attempt(timeoutMs, call, (attempt) => this.#joinDefaultMoot(found, attempt, true));
  }

  async #joinDefaultMoot(
    { descriptor, openInvite }: Pick<DefaultMootInput, "descriptor" | "openInvite">,
    attempt: JoinAttempt,
    isConsented = false,
  ): Promise<Joined> {
    const { group_id: groupId, issuer, policy } = descriptor;
    const facts = { metadata: DEFAULT_MOOT_METADATA, policy: formatPolicy(policy), isConsented };
    return this.#joinByOpenInvite(openInvite, attempt, { groupId, issuer }, facts);
  }

  async #joinPublicMoot(
    { descriptor, openInvite }: Extract<JoinInput, { kind: "public_moot" }>,
    attempt: JoinAttempt,
  ): Promise<Joined> {
    const { founder, group_id: groupId } = descriptor;
    return this.#joinByOpenInvite(openInvite, attempt, { groupId, founder }, { metadata: publicMetadata(descriptor) });
  }

  /** A link to what its owner declined takes nobody back in. */
  #refuseDeclined(id: GroupId, { isConsented = false }: JoinFacts): void {
    if (!isConsented && this.#context.group(id) === undefined) refuseDeclined(this.#context.root, id);
  }

  /** Whom `expected` names is a member already: nobody is asked. */
  async #joinByOpenInvite(
    openInvite: OpenInvite,
    attempt: JoinAttempt,
    expected: ExpectedInvite = {},
    facts: JoinFacts = {},
  ): Promise<Joined> {
    const held = expected.groupId && this.#context.group(expected.groupId);
    if (held?.self !== undefined) {
      noteMootUsed(this.#context.root.node, held.id);
      return joinedForm(held, expected.issuer, "already_joined");
    }
    // Before the issuer is told of a key that then joins nothing.
    if (expected.groupId !== undefined) this.#refuseDeclined(expected.groupId, facts);
    requireCarrier(this.#context);
    const invite = await redeemOpenInvite(this.#context, openInvite, attempt, expected);
    return this.#joinGroup(invite, attempt, facts);
  }

  /** Progress is told in order and never waited for: a slow reader must not slow the join. */
  async #attempt(
    timeoutMs: number | undefined,
    call: Call<JoinProgress>,
    work: (attempt: JoinAttempt) => Promise<Joined>,
  ): Promise<Joined> {
    const ms = timeoutMs ? Math.min(timeoutMs, TIMEOUT_MAX_MS) : TIMEOUT_DEFAULT_MS;
    let telling = Promise.resolve();
    const joined = await work({
      deadline: later(this.#context.clock.steady(), ms),
      signal: call.signal,
      progress: ({ stage, message }) => {
        telling = telling.then(() => call.emit({ stage, message })).catch(() => {});
      },
    });
    await telling;
    return joined;
  }

  async #joinGroup(invite: Invite, attempt: JoinAttempt, facts: JoinFacts): Promise<Joined> {
    verifyInvite(invite, this.#context.clock.unix());
    this.#refuseDeclined(invite.group_id, facts);
    const running = this.#running.get(invite.group_id);
    if (running !== undefined) return running;
    const joining = joinGroup(this.#context, invite, attempt, { ...facts, room: this.#room.beside() });
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
  /** What the group is called unless it has a name here. */
  readonly name?: string;
  readonly metadata?: string | undefined;
  readonly policy?: string | undefined;
  /** The owner said yes to the default moot just now. */
  readonly isConsented?: boolean;
}

async function joinGroup(
  context: NodeContext,
  invite: Invite,
  attempt: JoinAttempt,
  { room, ...facts }: JoinFacts & { readonly room: JoinRoom },
): Promise<Joined> {
  const policy = facts.policy === undefined ? undefined : parsePolicy(facts.policy);
  const held = context.group(invite.group_id);
  if (held?.self !== undefined) {
    noteMootUsed(context.root.node, held.id);
    return joinedForm(held, invite.issuer, "already_joined");
  }
  const { budget, peers } = requireCarrier(context);
  for (const { endpoints } of invite.bootstrap_peers ?? []) {
    for (const { key, hint } of invitedHints(endpoints)) context.hints.add(key, [hint]);
  }
  requireAddress(invite, context, peers);
  const {
    from,
    log,
    name: toldName,
  } = await findRoster({ ...context, peers, room, turns: budget.turns }, invite, attempt);
  if (held !== undefined) await whenWritable(context.clock, [held.store], attempt.signal);
  const group = held ?? (await open(context, invite.group_id, log, budget.turns));
  if (held !== undefined && from.key !== undefined) held.acceptRoster(log.entries, from.key);
  if (facts.metadata !== undefined) group.store.setFact(METADATA_FACT, facts.metadata);
  // Who came by a link has the founder's word for it, who came by an invite that of the member it found.
  const name = facts.name || toldName;
  if (name !== "" && facts.metadata === undefined && groupName(group.store) === "") {
    group.store.setFact(METADATA_FACT, JSON.stringify({ name }));
  }
  noteMootName(context.root.node, group.store);
  if (policy !== undefined) {
    group.policy.set(policy);
    group.policiesChanged();
  }
  group.requireSelf();
  noteMootUsed(context.root.node, group.id);
  attempt.progress({ stage: "messages", message: "comparing messages with a member" });
  const leftMs = Math.max(0, attempt.deadline - context.clock.steady());
  // What is not here by then comes later.
  await atMost(context.clock, Math.min(FIRST_PULL_MAX_MS, leftMs), group.compared, attempt.signal);
  return joinedForm(group, invite.issuer, "joined");
}

/**
 * An invite of the original's names peers by node id, which only Pilot can look up: where a carrier dials by address
 * and nobody in the invite has one, waiting changes nothing.
 */
function requireAddress(invite: Invite, { config, local }: NodeContext, peers: Peers): void {
  const candidates = candidatesOf(invite, local, config);
  if (candidates.length === 0 || candidates.some(({ key }) => key !== undefined && peers.mayReach(key))) return;
  const named = candidates.map(({ nodeId }) => nodeId).join(", ");
  throw new EntmootError(
    "unsupported",
    `join: the invite names ${candidates.length === 1 ? "node" : "nodes"} ${named} without an address that can be dialled, as invites of the original do: reachable over Pilot alone, which is not in this version; ask for a link (entmootd invite link) or an invite made by a member whose daemon is "entmootd serve" of this program`,
  );
}

/** A new database, thousands of entries in it, and the machines: each takes some ten milliseconds, and a turn of its own. */
async function open(context: NodeContext, groupId: GroupId, log: RosterLog, turns: Turns): Promise<Group> {
  await turns.take();
  context.refuseGoing(groupId);
  const store = context.root.createGroup(groupId);
  try {
    await turns.take();
    store.roster.append(log.entries);
    await turns.take();
    return context.adopt(groupId, log);
  } catch (error) {
    context.abandon(groupId);
    throw error;
  }
}

function joinedForm(group: Group, issuer: NodeInfo | undefined, status: Joined["status"]): Joined {
  return {
    status,
    group_id: group.id,
    issuer,
    members: group.roster.log.members.length,
    local_node_id: group.requireSelf().pilot_node_id,
  };
}

function requireCarrier(context: NodeContext): CarrierSide {
  if (context.carrier !== undefined) return context.carrier;
  throw new EntmootError("unavailable", 'join: this process opened no carrier; start the daemon with "entmootd serve"');
}
