import { EntmootError } from "../core/errors.ts";
import type { GroupId, PublicKey } from "../core/ids.ts";
import type { BuildInfo } from "../host/build-info.ts";
import type { RunningProgram } from "../host/running-program.ts";
import { admit, expel, inviteAuthority } from "./admit.ts";
import {
  type ActingServices,
  acknowledge,
  deliverRule,
  listMutes,
  muteMember,
  publishReply,
  readMessage,
  unmuteMember,
} from "./agents/acting.ts";
import { agentRunner, endLiveAgent, liveAgents, setLiveAgent } from "./agents/agent-setup.ts";
import { awaitAnswer } from "./agents/answer-wait.ts";
import { tellDeliveries } from "./agents/deliveries.ts";
import { listInbox } from "./agents/inbox.ts";
import type { Listeners } from "./agents/listeners.ts";
import { findMessages, tellThread } from "./agents/thread.ts";
import { changeWakeLimits } from "./agents/wake-settings.ts";
import { exportMoot } from "./care/export-moot.ts";
import { importMoot } from "./care/import-moot.ts";
import { oneAtATime } from "./care/one-at-a-time.ts";
import { pruneMoot } from "./care/prune-moot.ts";
import { verifyMoots } from "./care/verify-moot.ts";
import { changePolicy, tellPolicy } from "./change-policy.ts";
import { awaitComparison, changeRoster } from "./change-roster.ts";
import type { ChangeSignal } from "./change-signal.ts";
import { createGroup } from "./create-group.ts";
import {
  declineDefaultMoot,
  disableLive,
  enableLive,
  joinDefaultMoot,
  leaveDefaultMoot,
} from "./default-moot/default-moot.ts";
import { defaultMootStatus } from "./default-moot/status.ts";
import { examine } from "./doctor/examine.ts";
import { explainPolicy } from "./explain-policy.ts";
import { type ForgetServices, forgetMoot } from "./forget-moot.ts";
import { healRoster } from "./heal-roster.ts";
import type { Joiner } from "./join/join.ts";
import { leaveMoot } from "./leave-moot.ts";
import { createLink, listLinks, revokeLink } from "./links.ts";
import { listMoots } from "./list-moots.ts";
import { acknowledge as acknowledgeMail, forgetClient, type Mailboxes, tellStanding } from "./mailbox/mailbox.ts";
import { pull } from "./mailbox/pull.ts";
import { mintInvite } from "./mint-invite.ts";
import { statusForAgent } from "./node-status.ts";
import { changeSettings, type NoteServices } from "./notes/change-settings.ts";
import { type ReceiptServices, tellReceipts } from "./notes/tell-receipts.ts";
import type { NodeStatus } from "./operations/daemon.ts";
import { type Call, type Implementations, Implemented } from "./operations/implementation.ts";
import type { Operations, RequestOf } from "./operations/operation.ts";
import { OPERATIONS, READ_OPERATIONS } from "./operations/table.ts";
import type { AddedVoice, VoiceState, voice_add } from "./operations/voices.ts";
import { listPeers } from "./peer-rows.ts";
import { probe } from "./probe.ts";
import { adoptOpenInvite } from "./public/adopt-open-invite.ts";
import { challengeOpenInvite, createOpenInvite, redeemOpenInviteHere } from "./public/open-invites.ts";
import { describePublicMoot, publishPublicMoot } from "./public/publish.ts";
import { publishSigned } from "./publish-signed.ts";
import { tellBacklog } from "./read/backlog.ts";
import { advanceConsumer, forgetConsumer, leaseConsumer, listConsumers, releaseConsumer } from "./read/consumers.ts";
import { tellContext } from "./read/context.ts";
import { tellHistory } from "./read/history.ts";
import { listMembers } from "./read/members.ts";
import { oneMessage, pageOfMessages } from "./read/messages.ts";
import { tellRosterHistory } from "./read/roster-history.ts";
import { searchMessages } from "./read/search.ts";
import { tellStats } from "./read/stats.ts";
import { summarizeMoots } from "./read/summaries.ts";
import { listTopics } from "./read/topics.ts";
import { type Watched, watchLogs } from "./read/watch.ts";
import { updateMoot } from "./update-moot.ts";
import { whenWritable } from "./when-writable.ts";

/** The way for a node that is a program of its own to start again in place. */
export interface Restart {
  readonly program: RunningProgram;
  /** Ends the daemon cleanly soon; `program` then takes the process over. */
  readonly request: () => void;
}

/** What reading works on. */
export type Reading = ReceiptServices & Mailboxes & Parameters<typeof listMembers>[0];

/** What the operations of a node work on. */
export interface NodeServices
  extends NoteServices,
    Watched,
    ActingServices,
    ForgetServices,
    Pick<ReceiptServices, "presence"> {
  /** The key of this node. */
  readonly local: PublicKey;
  readonly changed: ChangeSignal;
  readonly mailbox: Mailboxes["mailbox"];
  readonly listeners: Listeners;
  readonly joiner: Joiner;
  readonly build: BuildInfo;
  readonly status: () => NodeStatus;
  /** The node as others see it: for what is asked of several operations together. */
  readonly asked: Operations;
  /** Ends the daemon cleanly, soon; `undefined` in a program that is not one. */
  readonly end: (() => void) | undefined;
  /** `undefined` for a node inside another program. */
  readonly restart: Restart | undefined;
  /** `undefined` where no daemon keeps any. */
  readonly voices: VoiceKeeper | undefined;
}

/** Whoever keeps the voices of a data root running. */
export interface VoiceKeeper {
  states(): VoiceState[];
  /** Throws as the operation. */
  add(request: RequestOf<typeof voice_add>, signal: AbortSignal): Promise<AddedVoice>;
  end(name: string): Promise<void>;
}

const READ: Implementations<Reading, typeof READ_OPERATIONS> = {
  message: oneMessage,
  messages: pageOfMessages,
  backlog: tellBacklog,
  members: listMembers,
  moot_summaries: summarizeMoots,
  roster_history: tellRosterHistory,
  topics: listTopics,
  search: searchMessages,
  context: tellContext,
  history: tellHistory,
  stats: tellStats,
  consumer_list: listConsumers,
  mailbox_pull: pull,
  mailbox_ack: acknowledgeMail,
  mailbox_cursor: tellStanding,
  mailbox_forget: forgetClient,
  inbox: listInbox,
  thread: tellThread,
  message_find: findMessages,
  mutes: listMutes,
  receipts: tellReceipts,
};

/** What can be asked of a data root that is only looked at. */
export const READING = new Implemented<Reading>().add(READ_OPERATIONS, READ);

/** What a write needs: the node's own database, or that of the group. */
type Written = "group" | "node";

/**
 * An implementation that writes at once, begun when no other process holds what it writes. What writes through the batch
 * writer needs no such wait.
 */
function writing<Request extends object, Answer, Event>(
  what: Written,
  run: (node: NodeServices, request: Request, call: Call<Event>) => Answer | Promise<Answer>,
) {
  return async (node: NodeServices, request: Request, call: Call<Event>): Promise<Answer> => {
    const { group_id: id } = request as { readonly group_id?: GroupId };
    const written = what === "node" ? node.root.node : id === undefined ? undefined : node.group(id)?.store;
    await whenWritable(node.clock, [written], call.signal);
    return run(node, request, call);
  };
}

/** What a founder signs for a roster waits a moment for a member where its own copy may be an old one. */
function signing<Request extends { readonly group_id: GroupId; readonly alone?: boolean | undefined }, Answer>(
  run: (node: NodeServices, request: Request) => Answer | Promise<Answer>,
) {
  return async (node: NodeServices, request: Request): Promise<Answer> => {
    if (!request.alone) await awaitComparison(node, request.group_id);
    return run(node, request);
  };
}

/** What signs an invite, which says the root, waits for it where it is not known. */
function inviting<Request extends { readonly group_id: GroupId }, Answer>(
  run: (node: NodeServices, request: Request) => Answer,
) {
  return async (node: NodeServices, request: Request): Promise<Answer> => {
    await node.group(request.group_id)?.ordered();
    return run(node, request);
  };
}

/** What goes through all of a moot holds some of it in memory: one at a time for all callers. */
function whole<Request, Answer, Event>(
  run: (node: NodeServices, request: Request, call: Call<Event>) => Promise<Answer>,
) {
  return (node: NodeServices, request: Request, call: Call<Event>): Promise<Answer> =>
    oneAtATime(node.root, call.signal, () => run(node, request, call));
}

const ALL: Implementations<NodeServices, typeof OPERATIONS> = {
  ...READ,
  status: async (node, _request, { caller }) => {
    // One that cannot be read is told of as such below.
    await Promise.allSettled(node.groups().map(async (group) => group.ordered()));
    return caller === "agent" ? statusForAgent(node.status()) : node.status();
  },
  version: ({ build }, _request, { caller }) => ({ ...build, pid: caller === "agent" ? 0 : process.pid }),
  stop(node, _request, call) {
    if (node.end === undefined) throw noDaemon();
    call.afterAnswer(node.end);
    return { pid: process.pid };
  },
  program: (node, { path }) => startedAs(node, path),
  restart(node, { path }, call) {
    const answer = startedAs(node, path);
    call.afterAnswer(() => node.restart?.request());
    return answer;
  },
  group_create: writing("node", createGroup),
  roster_change: writing("group", signing(changeRoster)),
  roster_heal: writing("group", healRoster),
  moots: listMoots,
  moot_update: writing("group", signing(updateMoot)),
  moot_leave: writing("group", (node, request, { signal }) => leaveMoot(node, request, signal)),
  moot_forget: writing("node", forgetMoot),
  policy: tellPolicy,
  policy_change: writing("group", signing(changePolicy)),
  policy_explain: explainPolicy,
  peers: (node, { group_id }) => listPeers(node, node.requireGroup(group_id)),
  probe: async (node, request, { signal }) => ({ peers: await probe(node, request, signal) }),
  doctor: (node, request, { signal }) => examine(node.asked, request, { clock: node.clock, signal }),
  member_admit: writing("group", signing(inviting(admit))),
  member_expel: writing("group", signing(expel)),
  invite_authority: (node, { group_id }) => inviteAuthority(node, group_id),
  invite_mint: inviting((node, request) => ({ invite: mintInvite(node, request) })),
  link_create: writing("node", createLink),
  link_list: (node, { group_id }) => ({ links: listLinks(node, group_id) }),
  link_revoke: writing("node", revokeLink),
  open_invite_create: writing("node", createOpenInvite),
  open_invite_adopt: writing("node", adoptOpenInvite),
  open_invite_challenge: challengeOpenInvite,
  open_invite_redeem: writing("node", redeemOpenInviteHere),
  public_moot_descriptor: describePublicMoot,
  public_moot_publish: publishPublicMoot,
  default_moot_status: defaultMootStatus,
  default_moot_join: writing("node", joinDefaultMoot),
  default_moot_decline: declineDefaultMoot,
  default_moot_leave: writing("node", leaveDefaultMoot),
  default_moot_live_on: writing("node", enableLive),
  default_moot_live_off: writing("node", disableLive),
  join: writing("node", ({ joiner }, request, call) => joiner.join(request, call)),
  join_invite: writing("node", ({ joiner }, request, call) => joiner.joinByInvite(request, call)),
  join_open_invite: writing("node", ({ joiner }, request, call) => joiner.joinByOpenInvite(request, call)),
  publish: ({ publisher }, request, { caller }) => publisher.publish(request, caller),
  publish_signed: (node, { message }) => publishSigned(node, message),
  listen: ({ listeners }, request, call) => listeners.listen(request, call),
  delivery_move: ({ listeners }, request) => listeners.move(request),
  deliveries: tellDeliveries,
  voices: (node) => ({ voices: keeperOf(node).states() }),
  voice_add: (node, request, { signal }) => keeperOf(node).add(request, signal),
  async voice_end(node, { name }) {
    await keeperOf(node).end(name);
    return {};
  },
  watch(node, request, call) {
    if (request.peers && call.caller === "agent") {
      const why = "not for agents, whom how members are reached is not told; leave it out";
      throw new EntmootError("forbidden", `watch: peers: ${why}`);
    }
    return watchLogs(node, request, call);
  },
  consumer_advance: writing("group", advanceConsumer),
  consumer_lease: writing("group", leaseConsumer),
  consumer_release: writing("group", releaseConsumer),
  consumer_forget: writing("group", forgetConsumer),
  inbox_read: readMessage,
  answer_wait: awaitAnswer,
  inbox_ack: acknowledge,
  reply: publishReply,
  mute: muteMember,
  unmute: unmuteMember,
  deliver_rule: deliverRule,
  receipt_settings: writing("node", changeSettings),
  wake_limits: writing("node", changeWakeLimits),
  agent_runner: writing("node", agentRunner),
  live_agent_set: writing("node", setLiveAgent),
  live_agent_off: writing("node", endLiveAgent),
  live_agents: liveAgents,
  moot_export: whole(exportMoot),
  moot_import: whole(importMoot),
  prune: writing("group", pruneMoot),
  verify: whole(verifyMoots),
};

/** What can be asked of a node, with what carries it out. */
export function nodeImplementations(): Implemented<NodeServices> {
  return new Implemented<NodeServices>().add(OPERATIONS, ALL);
}

function startedAs({ end, restart }: NodeServices, path: string) {
  if (restart === undefined && end === undefined) throw noDaemon();
  if (restart === undefined) throw new EntmootError("unsupported", "this daemon cannot start itself again");
  const { program } = restart;
  if (program.path !== path) {
    throw new EntmootError("conflict", `restart: expected a daemon of ${path}, found one of ${program.path}`);
  }
  return { pid: process.pid, path: program.path, argv: program.argv, cwd: program.cwd, env: program.env };
}

function keeperOf({ voices }: NodeServices): VoiceKeeper {
  if (voices !== undefined) return voices;
  throw new EntmootError("unsupported", "this program keeps no voices; a daemon does: entmootd serve");
}

function noDaemon(): EntmootError {
  return new EntmootError("control_unavailable", 'this program runs no daemon; start one with "entmootd serve"');
}
