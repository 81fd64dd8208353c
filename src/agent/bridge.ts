import { type AnswerWays, envelope } from "../core/agents/envelope.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import type { MessageId } from "../core/ids.ts";
import type { Log } from "../host/log.ts";
import { eventsOf } from "../node/operations/events.ts";
import {
  delivery_move,
  type HandedMessage,
  type ListenEvent,
  listen,
  type Move,
  type SoughtMessage,
} from "../node/operations/listen.ts";
import type { Operations, RequestOf } from "../node/operations/operation.ts";
import { pause } from "../transport/wait.ts";
import { envelopeMessage } from "../view/envelope-message.ts";
import type { FoundInHost, Handed, HostDoor } from "./door.ts";

/** Ours. The daemon may be restarted or updated meanwhile; doubling from the first to the second. */
const AGAIN_FIRST_MS = 500;
const AGAIN_MAX_MS = 15_000;

const MOVES_OF_FOUND: Readonly<Record<FoundInHost, readonly Move["to"][]>> = {
  read: ["delivered", "read"],
  present: ["delivered"],
  absent: ["absent"],
  unknown: ["uncertain"],
};

export interface BridgeParts {
  /** Opens the agents' socket. Throws `control_unavailable` while no daemon listens. */
  readonly open: () => Promise<Operations>;
  readonly door: HostDoor;
  readonly clock: Clock;
  readonly log: Log;
  readonly listen: Omit<RequestOf<typeof listen>, "can_look" | "door">;
  readonly ways: AnswerWays;
  /** 8 hex digits, other ones each time. */
  readonly nonce: () => string;
}

/**
 * Hands what wakes the agent to its host, as long as `signal` lets it. Outlives the daemon. Ends with the `conflict` of
 * one that took its place; other failures of the node are told of and waited out.
 */
export async function runBridge(parts: BridgeParts, signal: AbortSignal): Promise<void> {
  const unsaid: Move[] = [];
  let againMs = AGAIN_FIRST_MS;
  while (!signal.aborted) {
    try {
      await using opened = await parts.open();
      const node = new Moves(opened, unsaid);
      await node.say([]);
      const request = { ...parts.listen, door: parts.door.name, can_look: parts.door.canLook };
      for await (const event of eventsOf(opened, listen, request, { signal })) {
        againMs = AGAIN_FIRST_MS;
        await follow(parts, node, event, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof EntmootError && ["conflict", "forbidden", "unsupported"].includes(error.code)) throw error;
      parts.log.debug(`bridge: ${textOf(error)}; trying again`);
    }
    await pause(parts.clock, againMs, signal);
    againMs = Math.min(AGAIN_MAX_MS, againMs * 2);
  }
}

async function follow(parts: BridgeParts, node: Moves, event: ListenEvent, signal: AbortSignal): Promise<void> {
  if (event.look !== undefined) await node.say(await lookFor(parts.door, event.look, signal));
  if (event.deliver !== undefined) await handOver(parts, node, event.deliver, signal);
}

async function handOver(
  parts: BridgeParts,
  node: Moves,
  messages: readonly HandedMessage[],
  signal: AbortSignal,
): Promise<void> {
  const {
    door,
    listen: { agent },
    log,
    nonce,
    ways,
  } = parts;
  const atOnce = door.room?.messagesMax ?? messages.length;
  const more = messages.slice(atOnce);
  if (more.length > 0) await node.say(more.map((message) => moveOf(message, "deferred", "a turn of its own")));
  const taken = messages.slice(0, atOnce);
  // Before a byte goes to the host, so that whoever comes after a crash looks first.
  const begun = await node.say(taken.map((message) => moveOf(message, "handed", "")));
  const turn = taken.filter((_, n) => begun[n]?.refused === undefined);
  if (turn.length === 0) return;
  const ids = turn.map(({ message_id }) => message_id);
  const text = envelope(
    turn.map((message) => envelopeMessage({ ...message, asks: true }, nonce())),
    ways,
    door.room,
  );
  const mayGive = async () => {
    const still = await node.say(turn.map((message) => moveOf(message, "handed", ""))).catch(() => undefined);
    return still?.every(({ refused }) => refused === undefined) === true;
  };
  let handed: Handed;
  try {
    handed = await door.hand({ ids, text, mayGive }, signal);
  } catch (error) {
    log.debug(`bridge: ${door.name}: ${textOf(error)}`);
    const given = turn.map((message) => ({ ...message, agent }));
    await node.say(await lookFor(door, given, signal));
    return;
  }
  const [first, ...others] = turn;
  if (handed.level === "refused" && others.length > 0) {
    // It may be one of them that it does not take, or so much at once: nothing was given, and a no is of one message.
    await node.say(others.map((message) => moveOf(message, "deferred", handed.reason)));
    return await handOver(parts, node, [first!], signal);
  }
  await node.say(turn.flatMap((message) => movesOf(message, handed)));
}

/** What was handed over and left no word is in the host, or not, or nobody can tell. */
async function lookFor(door: HostDoor, sought: readonly SoughtMessage[], signal: AbortSignal): Promise<Move[]> {
  const moves: Move[] = [];
  for (const [agent, of] of Map.groupBy(sought, (message) => message.agent)) {
    moves.push(...(await lookAt(door, agent, of, signal)));
  }
  return moves;
}

async function lookAt(
  door: HostDoor,
  agent: string,
  sought: readonly SoughtMessage[],
  signal: AbortSignal,
): Promise<Move[]> {
  const ids = sought.map(({ message_id }) => message_id);
  let found: ReadonlyMap<MessageId, FoundInHost> = new Map();
  let why = "nobody could look";
  try {
    found = await door.look({ ids, agent }, signal);
    why = `looked for by ${door.name}`;
  } catch (error) {
    why = textOf(error);
  }
  return sought.flatMap((message) =>
    MOVES_OF_FOUND[found.get(message.message_id) ?? "unknown"].map((to) => moveOf(message, to, why)),
  );
}

function movesOf(message: HandedMessage, handed: Handed): Move[] {
  switch (handed.level) {
    case "submitted":
      // It left no trace that could be looked for, so nobody hands it over a second time.
      return [moveOf(message, "uncertain", handed.evidence)];
    case "delivered":
      return [moveOf(message, "delivered", handed.evidence)];
    case "read":
      return [moveOf(message, "delivered", handed.evidence), moveOf(message, "read", handed.evidence)];
    case "later":
      return [moveOf(message, "deferred", handed.reason)];
    case "refused":
      return [moveOf(message, "refused", handed.reason)];
  }
}

function moveOf(
  { group_id, message_id, token }: Pick<SoughtMessage, "group_id" | "message_id" | "token">,
  to: Move["to"],
  evidence: string,
): Move {
  return { group_id, message_id, token, to, evidence };
}

/** What is said to the ledger. What was seen in the host and could not be said is said first once the daemon is back. */
class Moves {
  readonly #node: Operations;
  readonly #unsaid: Move[];

  constructor(node: Operations, unsaid: Move[]) {
    this.#node = node;
    this.#unsaid = unsaid;
  }

  /** Gives what became of `moves`. Throws as the operation does, but for what was left unsaid before. */
  async say(moves: readonly Move[]) {
    const before = this.#unsaid.splice(0);
    this.#unsaid.push(...before, ...moves.filter(({ to }) => to !== "handed"));
    if (before.length > 0) await this.#node.call(delivery_move, { moves: before }).catch(dropUnknown);
    const { rows } = moves.length === 0 ? { rows: [] } : await this.#node.call(delivery_move, { moves });
    this.#unsaid.length = 0;
    return rows;
  }
}

/** A ledger that does not know the message is another one since. */
function dropUnknown(error: unknown): void {
  if (!(error instanceof EntmootError && error.code === "not_found")) throw error;
}
