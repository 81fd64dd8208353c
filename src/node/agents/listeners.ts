import { EntmootError } from "../../core/errors.ts";
import { GroupId, type MessageId } from "../../core/ids.ts";
import { type DeliveryEvent, type DeliveryMove, moved } from "../../machine/delivery.ts";
import type { WakeLimits } from "../../machine/wake-guards.ts";
import type { LedgerRow } from "../../store/agent-store.ts";
import { unlessAborted } from "../../transport/wait.ts";
import type { Call } from "../operations/implementation.ts";
import {
  type delivery_move,
  LISTENERS_MAX,
  type ListenEvent,
  type listen,
  type Move,
  type SoughtMessage,
} from "../operations/listen.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { AwaitedAnswers } from "./awaited-answers.ts";
import { countTurns } from "./count-turns.ts";
import { deliveryEvent, HANDED_MS } from "./delivery-event.ts";
import type { Ledger } from "./ledger.ts";
import { AgentListener } from "./listener.ts";
import { NextTurn, type NextTurnParts } from "./next-turn.ts";
import { Seeking } from "./seeking.ts";

/** Ours. Turns of the last hour are counted, by their messages; more of them than may be are counted no better. */
const COUNTED_MS = 3_600_000;
const COUNTED_MAX = 16_384;
/** Ours. Rows looked at for one turn: as many as may wait in one moot. */
const LOOKED_AT_MAX = 8_192;
/** Ours. Whatever is waited for, it is looked again after so long: a clock may have jumped. */
const LOOK_AGAIN_MS = 60_000;

export interface ListenersParts extends NextTurnParts {
  readonly ledger: () => Pick<Ledger, "catchUp" | "lapse" | "moveAll">;
  /** Somebody began or ceased to listen. */
  readonly onChange: () => void;
}

/** Hands what asks this node to the bridges that listen, and keeps the ledger of it. */
export class Listeners implements Disposable {
  readonly #parts: ListenersParts;
  /** The last one that came first. */
  readonly #listeners: AgentListener[] = [];
  readonly #nextTurn: NextTurn;
  readonly #seeking: Seeking;
  /** Held back from those that listen: whoever asked takes them. */
  readonly awaited = new AwaitedAnswers(() => this.poke());
  /** Why a row waits although somebody listens, as it was found the last time. */
  #held = new Map<MessageId, string>();
  #soon: Disposable | undefined;
  #alarm: Disposable | undefined;
  #isClosed = false;
  #hasBegun = false;

  constructor(parts: ListenersParts) {
    this.#parts = parts;
    this.#nextTurn = new NextTurn(parts, (message) => this.awaited.includes(message));
    this.#seeking = new Seeking(parts.clock);
  }

  get all(): readonly AgentListener[] {
    return this.#listeners;
  }

  heldReason(id: MessageId): string | undefined {
    return this.#held.get(id);
  }

  async listen(request: RequestOf<typeof listen>, call: Call<ListenEvent>): Promise<AnswerOf<typeof listen>> {
    const before = this.#listeners.find(({ request: { agent } }) => agent === request.agent);
    if (before === undefined && this.#listeners.length >= LISTENERS_MAX) {
      throw new EntmootError("rate_limited", `listen: at most ${LISTENERS_MAX} listeners at a time; end one`);
    }
    if (before !== undefined)
      this.#end(before, `another listener of agent ${JSON.stringify(request.agent)} took its place`);
    if (request.group_id !== undefined) this.#requireMoot(request.group_id);
    await this.#begin();
    const listener = new AgentListener(request, this.#parts.clock.unix());
    this.#listeners.unshift(listener);
    try {
      this.#parts.onChange();
      this.poke();
      for (;;) {
        const event = await listener.next(call.signal);
        if (event === undefined) return {};
        // Who is gone takes no more, and holds up nobody.
        await unlessAborted(call.emit(event), call.signal);
      }
    } finally {
      this.#gone(listener);
    }
  }

  /** Turns of the last hour count although the process is another. Once, before anybody is woken. */
  async #begin(): Promise<void> {
    await this.#parts.ledger().catchUp();
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const now = this.#parts.clock.unix();
    const handed = this.#parts.agents().handedSince(now - COUNTED_MS, COUNTED_MAX);
    // What was handed over as one turn was so at one instant.
    for (const [ms, turn] of Map.groupBy(handed, ({ handedAtMs }) => handedAtMs)) {
      this.#parts.guards.began(turn, Math.min(ms, now));
    }
  }

  #requireMoot(id: GroupId): void {
    if (this.#parts.moot(id) === undefined)
      throw new EntmootError("group_not_found", `group ${GroupId.toBase64(id)} not joined`);
  }

  /** From now on, for what waits already too. */
  setLimits(limits: WakeLimits): void {
    this.#parts.guards.limits = limits;
    this.poke();
  }

  get limits(): WakeLimits {
    return this.#parts.guards.limits;
  }

  /** In one commit. */
  move({ moves }: RequestOf<typeof delivery_move>): AnswerOf<typeof delivery_move> {
    const { agents, clock } = this.#parts;
    const store = agents();
    const asked = moves.map((move) => {
      const row = store.row(move.group_id, move.message_id);
      if (row === undefined)
        throw new EntmootError("not_found", "delivery: expected a message that was claimed, found none");
      return { row, event: deliveryEvent(move) };
    });
    const made = this.#parts.ledger().moveAll(asked, (to, rows) => countTurns(to, rows, clock.unix()));
    for (const [n, move] of moves.entries()) this.#followed(move, made[n]!);
    this.poke();
    return {
      rows: moves.map(({ group_id, message_id }, n) => {
        const verdict = made[n]!;
        return {
          message_id,
          state: store.row(group_id, message_id)?.state ?? "queued",
          refused: verdict.kind === "refused" ? verdict.reason : undefined,
        };
      }),
    };
  }

  /** Something may wake somebody: looks soon, once for all that happened by then. */
  poke(): void {
    if (this.#isClosed || this.#soon !== undefined || this.#listeners.length === 0) return;
    this.#soon = this.#parts.clock.after(0, () => {
      this.#soon = undefined;
      this.#dispatch();
    });
  }

  /** The time of these is over: whoever had one in hand is free of it. */
  lapsed(rows: readonly LedgerRow[]): void {
    for (const { messageId, token } of rows) {
      for (const { inHand } of this.#listeners) if (inHand.get(messageId)?.token === token) inHand.delete(messageId);
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#soon?.[Symbol.dispose]();
    this.#alarm?.[Symbol.dispose]();
  }

  #dispatch(): void {
    const { agents, clock, ledger } = this.#parts;
    ledger().lapse();
    this.#held = new Map();
    let againMs = Math.min(LOOK_AGAIN_MS, this.#seek());
    const rows = agents()
      .waiting(LOOKED_AT_MAX)
      .filter(({ state }) => state === "queued");
    for (const listener of this.#listeners) {
      if (!listener.request.can_wake) continue;
      const waitMs = listener.notBefore === undefined ? 0 : listener.notBefore - clock.steady();
      if (waitMs > 0) againMs = Math.min(againMs, waitMs);
      if (!listener.isFree(clock.steady())) continue;
      const mine = rows.filter(({ groupId }) => this.#chosen(groupId) === listener);
      againMs = Math.min(againMs, this.#handTurn(listener, mine));
    }
    this.#alarm?.[Symbol.dispose]();
    this.#alarm = clock.after(Math.max(1, againMs), () => this.poke());
  }

  /** Each moot wakes one: the last that came of those that can, before one whose way leads nowhere at the moment. */
  #chosen(groupId: GroupId): AgentListener | undefined {
    const now = this.#parts.clock.steady();
    const able = this.#listeners.filter((listener) => listener.request.can_wake && listener.covers(groupId));
    return able.find((listener) => !listener.isPassedOver(now)) ?? able[0];
  }

  /** Gives how long until something that is held back may go. */
  #handTurn(listener: AgentListener, rows: readonly LedgerRow[]): number {
    const now = this.#parts.clock.unix();
    const { againMs, held, turn } = this.#nextTurn.pick(rows, now, LOOK_AGAIN_MS);
    for (const { id, reason } of held) this.#held.set(id, reason);
    if (turn.length === 0) return againMs;
    const { agent, host, instance = "" } = listener.request;
    const handed = this.#nextTurn.claim(turn, { agent, host, instance }, now);
    for (const { group_id, message_id, token } of handed) {
      listener.inHand.set(message_id, { groupId: group_id, messageId: message_id, token, isSought: false });
    }
    listener.began({ beganMs: now, rows: turn.map(({ row }) => row) });
    listener.tell({ deliver: handed, look: undefined });
    return againMs;
  }

  /** What was handed over by one that is gone is looked for by one that can. Gives how long until another may be asked. */
  #seek(): number {
    const inHand = new Set(this.#listeners.flatMap(({ inHand: held }) => [...held.keys()]));
    const isOrphan = ({ messageId, state }: LedgerRow) => state === "handed" && !inHand.has(messageId);
    let orphans = this.#parts.agents().held().filter(isOrphan);
    let againMs = LOOK_AGAIN_MS;
    for (const listener of this.#listeners) {
      if (orphans.length === 0) break;
      const { againMs: soonest, sought } = this.#seeking.of(listener, orphans);
      againMs = Math.min(againMs, soonest);
      if (sought.length === 0) continue;
      this.#askAbout(listener, sought);
      const asked = new Set(sought);
      orphans = orphans.filter((row) => !asked.has(row));
    }
    return againMs;
  }

  #askAbout(listener: AgentListener, rows: readonly LedgerRow[]): void {
    const { agents, clock } = this.#parts;
    const sought: SoughtMessage[] = [];
    agents().change((to) => {
      for (const row of rows) {
        const token = to.nextToken();
        const verdict = moved(row, { kind: "look", token, leaseMs: HANDED_MS }, clock.unix());
        if (verdict.kind !== "moved") continue;
        to.putRow({ ...row, ...verdict.row });
        sought.push({ group_id: row.groupId, message_id: row.messageId, token, agent: row.handedTo?.agent ?? "" });
      }
    });
    for (const { group_id, message_id, token } of sought) {
      listener.inHand.set(message_id, { groupId: group_id, messageId: message_id, token, isSought: true });
    }
    listener.tell({ deliver: undefined, look: sought });
  }

  #end(listener: AgentListener, why: string): void {
    listener.end(new EntmootError("conflict", `listen: ${why}`));
    this.#gone(listener);
  }

  #gone(listener: AgentListener): void {
    const at = this.#listeners.indexOf(listener);
    if (at < 0) return;
    this.#listeners.splice(at, 1);
    const store = this.#parts.agents();
    const left = [...listener.inHand.values()].flatMap(({ groupId, messageId, token }) => {
      const row = store.row(groupId, messageId);
      return row === undefined ? [] : [{ row, event: { kind: "end" as const, token } }];
    });
    const none = listener.left(({ groupId, messageId }) => store.row(groupId, messageId)?.state !== "claimed");
    if (none !== undefined) this.#parts.guards.tookBack(none.rows, none.beganMs);
    for (const id of listener.inHand.keys()) this.#seeking.left(id);
    listener.inHand.clear();
    if (!this.#isClosed) this.#move(left);
    this.#parts.onChange();
    this.poke();
  }

  /** What a move means for who made it. */
  #followed(move: Move, verdict: DeliveryMove): void {
    if (verdict.kind === "refused") return;
    if (move.to === "handed" && verdict.kind === "same") this.#seeking.giving(move.message_id);
    for (const listener of this.#listeners) {
      const mine = listener.inHand.get(move.message_id);
      if (mine === undefined || mine.token !== move.token) continue;
      if (move.to === "handed") continue;
      listener.inHand.delete(move.message_id);
      if (mine.isSought) continue;
      const { canWake } = listener;
      if (move.to !== "deferred" && move.to !== "absent") listener.took();
      else {
        const none = listener.tookNone(this.#parts.clock.steady(), { isFault: move.to === "absent" });
        if (none !== undefined) this.#parts.guards.tookBack(none.rows, none.beganMs);
      }
      if (listener.canWake !== canWake) this.#parts.onChange();
    }
  }

  #move(asked: readonly { readonly row: LedgerRow; readonly event: DeliveryEvent }[]): DeliveryMove[] {
    return this.#parts.ledger().moveAll(asked);
  }
}
