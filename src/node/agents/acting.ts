import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { PublicKey } from "../../core/ids.ts";
import { isReserved, verifyPublishTopic } from "../../core/policy/topic.ts";
import { keyOf, namesKey, shownKey } from "../../core/record/node-key.ts";
import { isDone } from "../../machine/delivery.ts";
import type { AgentStore, Mute } from "../../store/agent-store.ts";
import { isApart } from "../../store/group-store.ts";
import { profileName } from "../group/profiles.ts";
import type { Call } from "../operations/implementation.ts";
import type { deliver_rule, inbox_ack, inbox_read, MuteRow, mute, mutes, reply, unmute } from "../operations/inbox.ts";
import { type Published, TOPIC_BYTES_MAX, TOPICS_MAX } from "../operations/messages.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import type { Publisher } from "../publish.ts";
import { type Moot, requireMoot } from "../read/moots.ts";
import { mootOf, seqOfPlace } from "../read/places.ts";
import { whenWritable } from "../when-writable.ts";
import { donePlace, type InboxServices } from "./inbox.ts";
import type { Ledger } from "./ledger.ts";
import type { Listeners } from "./listeners.ts";
import type { LookedUp } from "./look.ts";
import { namedMember } from "./members.ts";
import { holdsAt } from "./mutes.ts";
import { refuseSecrets } from "./refuse-secrets.ts";
import { inboxRowOf } from "./rows.ts";
import { heldMessage } from "./thread.ts";

/** What acts on the inbox: only who may write has it. */
export interface ActingServices extends InboxServices {
  readonly ledger: Ledger;
  /** Looked to again once what wakes is another. */
  readonly listeners: Pick<Listeners, "awaited" | "limits" | "poke" | "setLimits">;
  readonly publisher: Publisher;
}

/** One message whole; it is read then. */
export async function readMessage(
  node: ActingServices,
  { group_id, message_id, peek }: RequestOf<typeof inbox_read>,
): Promise<AnswerOf<typeof inbox_read>> {
  const held = heldMessage(node, message_id, group_id);
  const { message, moot, stored } = held;
  const window = node.windows().of(moot);
  await node.ledger.catchUp(moot);
  await window.fill();
  if (!peek && isToBeDone(node, held)) await node.ledger.move(held, { kind: "read" });
  const author = keyOf(message.author);
  const member = moot.roster.log.member(message.author.pilot_node_id);
  return {
    row: inboxRowOf(window, { stored, message, store: node.agents(), presence: node.presence }),
    message,
    verified: "signature",
    member: author !== undefined && member !== undefined && namesKey(member, PublicKey.toBytes(author)),
    apart: isApart(stored) ? "removed" : undefined,
  };
}

/** One message is done, or everything up to one or to a place. */
export async function acknowledge(
  node: ActingServices,
  { group_id, message_id, place, through = false }: RequestOf<typeof inbox_ack>,
): Promise<AnswerOf<typeof inbox_ack>> {
  if ((message_id === undefined) === (place === undefined)) {
    throw new EntmootError("invalid_argument", "acknowledgement: expected one of message_id and place");
  }
  if (place !== undefined) return ackUpTo(node, mootOf(node, place, group_id), place);
  const held = heldMessage(node, message_id!, group_id);
  const { moot, stored } = held;
  if (isApart(stored))
    throw new EntmootError("invalid_argument", "message: it is apart, so nobody was told of it as new");
  if (through) return ackUpTo(node, moot, `${stored.seq}`);
  await node.ledger.catchUp(moot);
  const window = node.windows().of(moot);
  await window.fill();
  const wasUnread = isToBeDone(node, held);
  // What a host showed its agent by itself is done, and yet nobody has said that no answer comes.
  const wasShown = node.agents().row(moot.id, stored.id)?.state === "read";
  if (wasUnread || wasShown) await node.ledger.move(held, { kind: "ack" });
  return { group_id: moot.id, acknowledged: wasUnread ? 1 : 0, place: await donePlace(window) };
}

async function ackUpTo(node: ActingServices, moot: Moot, place: string): Promise<AnswerOf<typeof inbox_ack>> {
  const acknowledged = await node.ledger.ackThrough(moot, seqOfPlace(moot, place));
  return { group_id: moot.id, acknowledged, place: await donePlace(node.windows().of(moot)) };
}

/** Whether being done with it is news: it is in the log, another's, and not done. */
export function isToBeDone(node: ActingServices, { message, moot, stored }: LookedUp): boolean {
  if (isApart(stored)) return false;
  const window = node.windows().of(moot);
  if (window.asking.isOwn(message)) return false;
  const row = node.agents().row(moot.id, stored.id);
  if (row !== undefined) return !isDone(row.state);
  return stored.seq > window.doneSeqFrom(window.keptDoneSeq);
}

/** Publishes an answer; the message is answered then, whatever it was. */
export async function publishReply(
  node: ActingServices,
  { content, force = false, group_id, message_id, token, topics }: RequestOf<typeof reply>,
  { caller }: Pick<Call<never>, "caller">,
): Promise<Published> {
  const held = heldMessage(node, message_id, group_id);
  if (!force) refuseSecrets(content);
  const request = {
    group_id: held.moot.id,
    topics: topics ?? topicsOfReply(held),
    content,
    token,
    references: [message_id],
    // It was looked at already.
    force: true,
  };
  const published = await node.publisher.publish(request, caller);
  await node.ledger.catchUp(held.moot);
  return published;
}

function topicsOfReply({ message }: LookedUp): string[] {
  const topics = message.topics.filter(mayBePublished).slice(0, TOPICS_MAX);
  if (topics.length > 0) return topics;
  throw new EntmootError(
    "invalid_argument",
    "topics: the message has none that an answer can be published under; name one",
  );
}

function mayBePublished(topic: string): boolean {
  if (topic.trim() === "" || isReserved(topic) || Buffer.byteLength(topic) > TOPIC_BYTES_MAX) return false;
  try {
    verifyPublishTopic(topic);
    return true;
  } catch {
    return false;
  }
}

export async function muteMember(
  node: ActingServices,
  { for_ms, group_id, member }: RequestOf<typeof mute>,
  { caller }: Pick<Call<never>, "caller">,
): Promise<MuteRow> {
  if (for_ms === 0) throw new EntmootError("invalid_argument", "for_ms: expected more than 0");
  const { key } = namedMember(mootsAsked(node, group_id), member, node.clock);
  node.windows();
  const store = await writable(node);
  const now = node.clock.unix();
  const asked = for_ms === undefined ? 0 : Math.min(now + for_ms, Number.MAX_SAFE_INTEGER);
  const held = store.mutes().find((each) => each.key === key && each.groupId === group_id && holdsAt(each, now));
  // What was written since it began stays done, however long it is now.
  const fromMs = held?.fromMs ?? now;
  const untilMs = caller === "agent" && held !== undefined ? longest(held.untilMs, asked) : asked;
  const made: Mute = { key, groupId: group_id, fromMs, untilMs };
  store.change((to) => to.setMute(made, now));
  node.windows().clear();
  return muteRow(node, made);
}

/** 0 is without an end. */
function longest(one: number, other: number): number {
  return one === 0 || other === 0 ? 0 : Math.max(one, other);
}

export async function unmuteMember(
  node: ActingServices,
  { group_id, member }: RequestOf<typeof unmute>,
): Promise<AnswerOf<typeof unmute>> {
  const now = node.clock.unix();
  const holding = node
    .agents()
    .mutes()
    .filter((each) => holdsAt(each, now));
  // Who is muted need be no member any more.
  const key = mutedKey(holding, member) ?? namedMember(mootsAsked(node, group_id), member, node.clock).key;
  const ended = holding.filter((each) => each.key === key && (group_id === undefined || each.groupId === group_id));
  if (ended.length > 0) {
    const store = await writable(node);
    store.change((to) => {
      for (const each of ended) to.setMute({ ...each, untilMs: Math.max(now, each.fromMs + 1) }, now);
    });
    node.windows().clear();
    node.listeners.poke();
  }
  return { unmuted: ended.length };
}

function mutedKey(holding: readonly Mute[], member: string): PublicKey | undefined {
  const word = member.trim();
  return holding.find(({ key }) => PublicKey.toBase64(key) === word || key === word.toLowerCase())?.key;
}

export function listMutes(services: InboxServices): AnswerOf<typeof mutes> {
  const now = services.clock.unix();
  const holding = services
    .agents()
    .mutes()
    .filter((each) => holdsAt(each, now));
  return { mutes: holding.map((each) => muteRow(services, each)) };
}

function muteRow(
  { clock, ...services }: Pick<InboxServices, "moots"> & { readonly clock: Clock },
  made: Mute,
): MuteRow {
  const moots = services.moots().filter(({ id }) => made.groupId === undefined || id === made.groupId);
  const names = moots.flatMap((moot) => {
    const member = moot.roster.members.get(made.key);
    return member === undefined ? [] : [profileName(moot, member, clock.unix())];
  });
  return {
    member: shownKey(made.key),
    hostname: names.find((name) => name !== "") ?? "",
    group_id: made.groupId,
    from_ms: made.fromMs,
    until_ms: made.untilMs === 0 ? undefined : made.untilMs,
  };
}

/** Tells what wakes in a moot, changed first where that is said. */
export async function deliverRule(
  node: ActingServices,
  { deliver, from, group_id }: RequestOf<typeof deliver_rule>,
): Promise<AnswerOf<typeof deliver_rule>> {
  const moot = requireMoot(node, group_id);
  if (deliver === undefined && from !== undefined) {
    throw new EntmootError("invalid_argument", "from: expected deliver beside it");
  }
  if (deliver !== undefined) {
    const keys = new Set((from ?? []).map((member) => namedMember([moot], member, node.clock).key));
    // What came under the rule of before is looked at by it.
    await node.ledger.catchUp(moot);
    const store = await writable(node);
    store.change((to) => to.setRule(group_id, { deliver, from: [...keys] }));
    node.windows().clear();
    node.listeners.poke();
  }
  const rule = node.agents().rule(group_id);
  return { group_id, deliver: rule.deliver, from: rule.from.map((key) => PublicKey.toBytes(key)) };
}

function mootsAsked(node: InboxServices, groupId: GroupId | undefined): readonly Moot[] {
  return groupId === undefined ? node.moots() : [requireMoot(node, groupId)];
}

async function writable(node: InboxServices): Promise<AgentStore> {
  const store = node.agents();
  await whenWritable(node.clock, [store]);
  return store;
}
