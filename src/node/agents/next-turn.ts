import type { Clock, UnixMs } from "../../core/clock.ts";
import type { GroupId, MessageId, PublicKey } from "../../core/ids.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { Message } from "../../core/record/records.ts";
import { moved } from "../../machine/delivery.ts";
import type { WakeGuards } from "../../machine/wake-guards.ts";
import type { AgentStore, LedgerRow } from "../../store/agent-store.ts";
import { BATCH_MAX, type HandedMessage } from "../operations/listen.ts";
import type { Moot } from "../read/moots.ts";
import { handedForm, toldBytes } from "./handing.ts";
import type { HopCounter } from "./hops.ts";

/** Ours. How long a claim stands until the bridge says that it begins. */
const CLAIM_MS = 60_000;
/** Ours. Bytes of content in one turn. */
const TURN_BYTES_MAX = 32 * 1024;

export interface NextTurnParts {
  readonly clock: Clock;
  readonly agents: () => AgentStore;
  readonly moot: (id: GroupId) => Moot | undefined;
  readonly guards: WakeGuards;
  readonly hops: HopCounter;
  /** What is known of an author here. */
  readonly standing: (moot: Moot, author: PublicKey | undefined) => Pick<HandedMessage, "role" | "trust">;
  /** Why a message wakes nobody whatever the guards say: its author left, is muted, the rule is another since; `undefined`: it may. */
  readonly whyNot: (moot: Moot, message: Message) => string | undefined;
}

/** A message that may wake now. */
interface MayWake {
  readonly moot: Moot;
  readonly message: Message;
  readonly hop: number;
}

type InTurn = MayWake & { readonly row: LedgerRow };

/** A row that waits although somebody listens. */
interface HeldRow {
  readonly id: MessageId;
  readonly reason: string;
}

export interface PickedTurn {
  readonly turn: readonly InTurn[];
  readonly held: readonly HeldRow[];
  /** Until when something of what is held back may go, at the latest `withinMs` from now. */
  readonly againMs: number;
}

/** What goes into a host as one turn: which rows, as the guards have it, and in what form. */
export class NextTurn {
  readonly #parts: NextTurnParts;
  readonly #isAwaited: (message: Message) => boolean;

  /** `isAwaited`: whether whoever asked waits for that answer. */
  constructor(parts: NextTurnParts, isAwaited: (message: Message) => boolean) {
    this.#parts = parts;
    this.#isAwaited = isAwaited;
  }

  /** Of `rows`, which wait, in their order. */
  pick(rows: readonly LedgerRow[], now: UnixMs, withinMs: number): PickedTurn {
    const turn: InTurn[] = [];
    const held: HeldRow[] = [];
    let againMs = withinMs;
    let bytes = 0;
    for (const row of rows) {
      if (turn.length === BATCH_MAX) break;
      const found = this.#may(row, now);
      if ("reason" in found) {
        held.push({ id: row.messageId, reason: found.reason });
        if (found.untilMs !== undefined) againMs = Math.min(againMs, found.untilMs - now);
        continue;
      }
      bytes += toldBytes(found.message);
      if (turn.length > 0 && bytes > TURN_BYTES_MAX) break;
      turn.push({ row, ...found });
    }
    return { turn, held, againMs };
  }

  /** Claims them for whom they are handed to, in one commit, and gives them as a bridge is told them. */
  claim(turn: readonly InTurn[], handedTo: LedgerRow["handedTo"], now: UnixMs): HandedMessage[] {
    const { agents, guards, hops, standing } = this.#parts;
    const handed: HandedMessage[] = [];
    agents().change((to) => {
      for (const { hop, message, moot, row } of turn) {
        const token = to.nextToken();
        const verdict = moved(row, { kind: "claim", token, leaseMs: CLAIM_MS }, now);
        if (verdict.kind !== "moved") continue;
        to.putRow({ ...row, ...verdict.row, handedTo });
        const { attempt } = verdict.row;
        const known = standing(moot, row.author);
        handed.push(handedForm(moot, message, { token, attempt, hop, nowMs: now, standing: known }));
      }
    });
    guards.began(
      turn.map(({ row }) => row),
      now,
    );
    for (const { hop, row } of turn) hops.handed(row.groupId, hop);
    return handed;
  }

  /** The message of a row that may wake now, or why not. */
  #may(row: LedgerRow, nowMs: number): MayWake | { reason: string; untilMs: number | undefined } {
    const { guards, hops, moot: mootOf, whyNot } = this.#parts;
    const minute = minuteOfDay(nowMs);
    const { author, groupId, messageId } = row;
    // What costs nothing to know is asked first: a flood is held back without one of its messages being read.
    const early = guards.held({ groupId, author, hop: 1, ownInChain: 0 }, nowMs, minute);
    if (early !== undefined) return early;
    const moot = mootOf(groupId);
    const stored = moot?.store.messages.get(messageId);
    if (moot === undefined || stored === undefined) return { reason: "not held here any more", untilMs: undefined };
    const message = decodeMessage(stored.canonical);
    const reason = this.#isAwaited(message) ? "whoever asked waits for it" : whyNot(moot, message);
    if (reason !== undefined) return { reason, untilMs: undefined };
    const { hop, own } = hops.of(moot, message);
    const held = guards.held({ groupId, author, hop, ownInChain: own }, nowMs, minute);
    return held ?? { moot, message, hop };
  }
}

/** Of the day where this machine stands. */
function minuteOfDay(nowMs: number): number {
  const now = new Date(nowMs);
  return 60 * now.getHours() + now.getMinutes();
}
