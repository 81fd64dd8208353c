import { mentionsOf, nameForm } from "../../core/agents/mentions.ts";
import type { Clock } from "../../core/clock.ts";
import type { PublicKey } from "../../core/ids.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";
import type { AgentStore } from "../../store/agent-store.ts";
import { profileName } from "../group/profiles.ts";
import type { Moot } from "../read/moots.ts";
import { messageOf } from "../read/unread.ts";
import type { HopCounter } from "./hops.ts";
import { Mutes } from "./mutes.ts";
import type { Windows } from "./windows.ts";

/** Ours. What was said longer ago belongs to another talk. */
const TALK_MS = 600_000;

/** Why a message that waits wakes nobody now, by what is so now: it may have been otherwise when it came. */
export function whyNotNow(
  moot: Moot,
  message: Message,
  { agents, clock, windows }: { agents: () => AgentStore; clock: Clock; windows: Windows },
): string | undefined {
  if (moot.leftMs !== undefined) return "this node has left the moot";
  const author = keyOf(message.author);
  if (author === undefined || !moot.roster.members.has(author)) return "its author is no member any more";
  const store = agents();
  if (new Mutes(store.mutes()).hides(author, moot.id, clock.unix())) return "its author is muted here";
  return windows.of(moot).asking.asks(message, store.rule(moot.id)) ? undefined : "the rule of the moot says so";
}

/** Notes whom this node spoke to, so that what they say next counts on from it. */
export function noteOwn(hops: HopCounter, moot: Moot, message: Message, clock: Clock): void {
  if (clock.unix() - Number(message.timestamp) > TALK_MS) return;
  hops.published(moot, message, namedKeys(moot, message, clock));
}

function namedKeys(moot: Moot, message: Message, clock: Clock): Set<PublicKey> {
  const { names, nodeIds, references } = mentionsOf(message);
  const keys = new Set<PublicKey>();
  const add = (key: PublicKey | undefined) => {
    if (key !== undefined) keys.add(key);
  };
  for (const nodeId of nodeIds) {
    const member = moot.roster.log.member(nodeId);
    if (member !== undefined) add(keyOf(member));
  }
  for (const id of references) {
    const stored = moot.store.messages.get(id);
    if (stored !== undefined) add(keyOf(messageOf(stored).author));
  }
  if (names.size === 0) return keys;
  const now = clock.unix();
  for (const [key, member] of moot.roster.members) {
    if (names.has(nameForm(profileName(moot, member, now)))) add(key);
  }
  return keys;
}
