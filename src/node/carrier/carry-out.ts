import type { Clock } from "../../core/clock.ts";
import { EntmootError, type ErrorCode } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import type { AskEffect, Effect, HeldMessage, Report, SendEffect } from "../../machine/effect.ts";
import type { NetworkFailure } from "../../machine/event.ts";
import { StoreUnavailable } from "../../store/store-failures.ts";
import type { Frame } from "../../wire/peer/frame.ts";
import { pageIds } from "../../wire/peer/id-page.ts";
import { pushFrames } from "../../wire/peer/push-frame.ts";
import { answerRosterForks } from "../../wire/peer/roster-forks-frames.ts";
import type { Group } from "../group/group.ts";
import type { Turns } from "../turns.ts";
import { askForks, askRosterAfter } from "./ask-roster.ts";
import { type FetchEffect, fetchMessages } from "./fetch-messages.ts";
import { Lanes } from "./lanes.ts";
import { OldUpdates } from "./old-updates.ts";
import { failureOf, PeerRefusal, type Peers } from "./peers.ts";
import { PUSHED_BYTES_MAX } from "./prices.ts";
import type { ReconcileTrace } from "./reconcile-trace.ts";
import { lookAtPages, takeForks, takeRoster } from "./told-rosters.ts";

/** Ours. How long an answer may take. */
const SMALL_TIMEOUT_MS = 15_000;

/** Ours. Roster entries pushed unasked: a member further behind than this asks by itself. */
const PUSHED_ENTRIES_MAX = 1000;

/** Ours. Entries told to a member that takes us for a stranger: what it reads of strangers holds about a hundred. */
const INTRODUCTION_ENTRIES = 90;

/**
 * Ours. Fetches of one peer under way because it announced something, and such that wait: each may bring a mebibyte, and
 * announcing costs nothing. Past it they are as good as refused; the ids are asked for again, of others first.
 */
const ANNOUNCED_FETCHES = { atOnce: 4, waitingMax: 64 };

/** What keeping and reading fail with here beside `StoreUnavailable`, whoever was asked. */
const OUR_FAILURES: readonly ErrorCode[] = ["disk_full", "data_root_invalid", "internal"];

export interface CarryOutParts {
  readonly peers: Peers;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly onReport: (group: Group, report: Report) => void;
  /** A member's dialect has no question for status. */
  readonly onOriginal?: (group: Group, peer: PublicKey) => void;
  /** A member says that our key runs in another place too. */
  readonly onTwin?: (by: PublicKey) => void;
  /** Something that is not lost for good could not be done here: a full disk, a damaged row. */
  readonly onFailed: (group: Group, error: EntmootError) => void;
  /** Who reads each step; by default nobody does. */
  readonly trace?: ReconcileTrace | undefined;
}

/** Does what the machines of a group decided, and tells them how it went. */
export class CarryOut {
  readonly #parts: CarryOutParts;
  readonly #timers = new Set<Disposable>();
  readonly #announced = new Lanes<PublicKey>(ANNOUNCED_FETCHES);
  readonly #oldUpdates = new OldUpdates();
  /** Of the effects that are being carried out: the frame that tells a log of so many entries, one for all it goes to. */
  readonly #rosterFrames = new Map<number, Frame>();

  constructor(parts: CarryOutParts) {
    this.#parts = parts;
  }

  run(group: Group, effects: readonly Effect[]): void {
    this.#rosterFrames.clear();
    for (const effect of effects) {
      switch (effect.kind) {
        case "schedule":
          this.#schedule(group, effect);
          break;
        case "report":
          this.#parts.onReport(group, effect.report);
          break;
        case "recheck":
          this.#own(this.#recheck(group, effect.messages));
          break;
        case "push":
        case "ihave":
        case "graft":
        case "prune":
        case "push_roster":
        case "push_forks":
          this.#send(group, effect);
          break;
        default:
          this.#own(this.#ask(group, effect));
      }
    }
    this.#rosterFrames.clear();
  }

  /** Stops the timers; what is under way ends by itself. */
  close(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  /** Verifies and stores again what was held; what cannot be stored now is found again by comparison. */
  async #recheck(group: Group, held: readonly HeldMessage[]): Promise<void> {
    for (const [from, messages] of Map.groupBy(held, (message) => message.from)) {
      const bodies = messages.map(({ canonical }) => canonical);
      try {
        await group.ingest(bodies, { from, via: "push" });
      } catch (error) {
        if (!(error instanceof EntmootError)) throw error;
        this.#parts.onFailed(group, error);
      }
    }
  }

  #schedule(group: Group, { afterMs, timer: name }: Extract<Effect, { kind: "schedule" }>): void {
    const timer = this.#parts.clock.after(afterMs, () => {
      this.#timers.delete(timer);
      try {
        group.tell({ kind: "timer", timer: name });
      } catch (error) {
        if (!(error instanceof EntmootError)) throw error;
        this.#parts.onFailed(group, error);
      }
    });
    this.#timers.add(timer);
  }

  /** Nothing here rejects but by a broken invariant, which ends the process where rejections do. */
  #own(work: Promise<void>): void {
    work.catch((error: unknown) => {
      queueMicrotask(() => {
        throw error;
      });
    });
  }

  #send(group: Group, effect: SendEffect): void {
    let hasFailed = false;
    const failed = (failure: NetworkFailure) => {
      // Several frames of one effect fail as one.
      if (hasFailed) return;
      hasFailed = true;
      this.#own(this.#tellFailed(group, effect, failure));
    };
    for (const frame of this.#framesOf(group, effect, failed)) this.#parts.peers.send(effect.to, frame, failed);
  }

  /** In its turn: of thousands of members whom nobody reaches, each that fails has the next one tried. */
  async #tellFailed(group: Group, effect: SendEffect, failure: NetworkFailure): Promise<void> {
    await this.#parts.turns.take();
    group.tell({ kind: "failed", effect, failure });
  }

  /** The frames of a one-way effect; none when there is nothing left to send. */
  #framesOf(group: Group, effect: SendEffect, failed: (failure: NetworkFailure) => void): Frame[] {
    const group_id = group.id;
    switch (effect.kind) {
      case "push":
        // Nothing is stored that would not fit one frame.
        return [...pushFrames(group_id, this.#heldBodies(group, effect, failed)).frames];
      case "ihave":
      case "graft":
        return [{ kind: effect.kind, group_id, ids: effect.ids }];
      case "prune":
        return [{ kind: "prune", group_id }];
      case "push_forks": {
        const { forkedEntries: entries, heals } = group.roster;
        return [answerRosterForks({ kind: "roster_forks_req", group_id, from: 0 }, { entries, heals })];
      }
      case "push_roster":
        return [this.#rosterFrame(group, effect.to)];
    }
  }

  #rosterFrame(group: Group, to: PublicKey): Frame {
    const told = toldEntries(group, to);
    const known = this.#rosterFrames.get(told.length);
    if (known !== undefined) return known;
    const frame: Frame = { kind: "roster_resp", group_id: group.id, entries: told.slice(-PUSHED_ENTRIES_MAX) };
    this.#rosterFrames.set(told.length, frame);
    return frame;
  }

  /**
   * The canonical forms of those still held, as many as may wait for one peer; comparison finds the rest. What there is
   * no room for is not read, and counts as failed. One that cannot be read is passed over: an error here would take the
   * effects behind this one with it, timers among them.
   */
  *#heldBodies(
    group: Group,
    { ids, to }: Extract<SendEffect, { kind: "push" }>,
    failed: (failure: NetworkFailure) => void,
  ): Generator<Uint8Array> {
    const { messages } = group.store;
    const room = this.#parts.peers.roomFor(to);
    let bytes = 0;
    for (const id of ids) {
      bytes += this.#read(group, () => messages.lengthOf(id)) ?? 0;
      if (bytes > PUSHED_BYTES_MAX) return;
      if (bytes > room) return queueMicrotask(() => failed("unreachable"));
      const canonical = this.#read(group, () => messages.get(id)?.canonical);
      if (canonical !== undefined) yield canonical;
    }
  }

  #read<T>(group: Group, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this.#parts.onFailed(group, error);
      return undefined;
    }
  }

  async #ask(group: Group, effect: AskEffect): Promise<void> {
    const { trace } = this.#parts;
    trace?.asked(group, effect);
    try {
      await this.#askPeer(group, effect);
      trace?.answered(group, effect);
    } catch (error) {
      const failure = this.#failureOf(group, error);
      trace?.failed(group, effect, failure);
      group.tell({ kind: "failed", effect, failure });
    }
  }

  /** As the machines are told; a peer whose answer could not be kept here is there, and is not to be given up for it. */
  #failureOf(group: Group, error: unknown): NetworkFailure {
    if (!isOurFailure(error)) return failureOf(error);
    this.#parts.onFailed(group, error);
    return "refused";
  }

  /**
   * Who refuses us as a stranger has not heard of our admission, or lost it with its data: it is told, for otherwise
   * two members who lack the one that knows both would never talk.
   */
  async #askStatus(group: Group, to: PublicKey) {
    const { peers } = this.#parts;
    const group_id = group.id;
    try {
      await group.ordered();
      return await peers.ask(to, { kind: "status_req", ...group.question(to) }, "status_resp", SMALL_TIMEOUT_MS);
    } catch (error) {
      // An original has no such question: what it can be asked is its roster.
      if (error instanceof EntmootError && error.code === "unsupported") this.#parts.onOriginal?.(group, to);
      if (error instanceof PeerRefusal && error.code === "not_member" && group.self !== undefined) {
        const entries = group.roster.log.entries.slice(-INTRODUCTION_ENTRIES);
        peers.send(to, { kind: "roster_resp", group_id, entries }, () => {});
      }
      throw error;
    }
  }

  async #askPeer(group: Group, effect: AskEffect): Promise<void> {
    const group_id = group.id;
    const { peers } = this.#parts;
    switch (effect.kind) {
      case "ask_status": {
        const status = await this.#askStatus(group, effect.to);
        // Of a founder that signs two histories nothing is taken on.
        if (effect.to === group.roster.founder && !group.roster.isForked && group.policy.adopt(status.policy)) {
          group.policiesChanged();
        }
        if (status.twin) this.#parts.onTwin?.(effect.to);
        await group.ordered();
        group.hearStatus(effect.to, status, false);
        await this.#oldUpdates.look(group, effect.to, peers);
        return;
      }
      case "ask_ids": {
        const question: Frame = { kind: "ids_req", group_id, limit: effect.limit, after: effect.after };
        const page = await peers.ask(effect.to, question, "ids_resp", SMALL_TIMEOUT_MS);
        group.tell({ kind: "ids_page", from: effect.to, ids: pageIds(page.ids), next: page.next });
        return;
      }
      case "ask_roster":
        await takeRoster(group, await askRoster(group, effect.to, this.#parts), effect.to, this.#parts.turns);
        return;
      case "ask_forks": {
        const { turns } = this.#parts;
        const question = { peers, groupId: group_id, to: effect.to, isGood: lookAtPages(group, turns) };
        await takeForks(group, await askForks(question), effect.to, turns);
        return;
      }
      case "fetch":
        if (effect.via === "pull") await fetchMessages(group, effect, peers);
        else await this.#fetchAnnounced(group, effect);
    }
  }

  async #fetchAnnounced(group: Group, effect: FetchEffect): Promise<void> {
    using lane = await this.#announced.enter(effect.from);
    if (lane === undefined) throw new PeerRefusal("rate_limited", "fetch: too much is asked of this peer already");
    await fetchMessages(group, effect, this.#parts.peers);
  }
}

function isOurFailure(error: unknown): error is EntmootError {
  // A peer may refuse with the same codes, of itself.
  if (!(error instanceof EntmootError) || error instanceof PeerRefusal) return false;
  return error instanceof StoreUnavailable || OUR_FAILURES.includes(error.code);
}

/** What the peer's log has behind our head; its whole log when it does not know our head. */
async function askRoster(
  group: Group,
  to: PublicKey,
  { peers, turns }: Pick<CarryOutParts, "peers" | "turns">,
): Promise<readonly RosterEntry[]> {
  const { head } = group.roster;
  const question = { peers, groupId: group.id, to };
  try {
    const { entries: newer } = await askRosterAfter({ ...question, isGood: lookAtPages(group, turns), after: head });
    // With our own last entry in front the log knows where the rest belongs.
    return [...group.roster.log.entries.slice(-1), ...newer];
  } catch (error) {
    if (!(error instanceof PeerRefusal) || error.code !== "not_found") throw error;
    return (await askRosterAfter({ ...question, isGood: lookAtPages(group, turns), after: undefined })).entries;
  }
}

/** The log as far as it concerns a peer: nothing later than its removal. */
function toldEntries({ roster: { log } }: Group, to: PublicKey): readonly RosterEntry[] {
  const removal = log.removalOf(PublicKey.toBytes(to));
  return removal === undefined ? log.entries : log.entries.slice(0, log.position(removal.id)! + 1);
}
