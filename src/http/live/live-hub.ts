import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { Log } from "../../host/log.ts";
import { type MessagesPage, messages } from "../../node/operations/messages.ts";
import type { DeviceRegistry } from "../../store/device-registry.ts";
import { HttpFailure } from "../http-failure.ts";
import { isBearer, mayRead, type Principal, principalName } from "../principal.ts";
import type { ServiceNode } from "../route.ts";
import { LiveEvent } from "./live-event.ts";
import type { LiveReader, MootStart } from "./live-reader.ts";
import { MOOTS_MAX, type MootPlace, mootPlace } from "./place-list.ts";
import { startOf } from "./start-places.ts";

/** Ours. Readers at once: of all, of the bearer, of each device. */
const READERS_MAX = 1024;
const READERS_OF_BEARER_MAX = 512;
const READERS_OF_ONE_MAX = 16;
/** Ours. What one reader, and all together, may have been sent and not taken before nothing more is. */
const UNSENT_MAX = 64 * 1024;
const UNSENT_OF_ALL_MAX = 32 * 1024 * 1024;
/** Ours. Messages read at a time, and readers who read the log by themselves at once. */
const PAGE = 64;
const READING_MAX = 4;
/** Ours. Between two looks at what was not taken, and at everything else that may have changed. */
const UNSENT_LOOK_MS = 20;
const TICK_MS = 1_000;

interface Feed {
  /** Up to here messages were handed to readers. */
  head: MootPlace;
  readonly readers: Set<LiveReader>;
}

export interface HubParts {
  readonly node: ServiceNode;
  readonly registry: DeviceRegistry | undefined;
  readonly clock: Clock;
  readonly log: Pick<Log, "error">;
}

/** What readers need of the hub. */
export type HubOfReader = Pick<
  LiveHub,
  "begin" | "hasRoom" | "headOf" | "join" | "leave" | "noteUnsent" | "nowMs" | "page" | "part" | "turnToRead"
>;

/** Hands messages to who is told them as they arrive. Holds no message: who is not at the head of a log reads it by itself. */
export class LiveHub {
  readonly #parts: HubParts;
  readonly #feeds = new Map<GroupId, Feed>();
  readonly #readers = new Set<LiveReader>();
  readonly #ofOne = new Map<string, number>();
  /** Those who had not taken everything when it was last looked. */
  readonly #full = new Set<LiveReader>();
  #unsent = 0;
  #news: Disposable | undefined;
  #tick: Disposable | undefined;
  #look: Disposable | undefined;
  #isPassing = false;
  #isAgain = false;
  #reading = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  get node(): ServiceNode {
    return this.#parts.node;
  }

  nowMs(): number {
    return this.#parts.clock.steady();
  }

  /** Throws 429. */
  requireRoom(principal: Principal): void {
    const most = isBearer(principal) ? READERS_OF_BEARER_MAX : READERS_OF_ONE_MAX;
    const isFull = this.#readers.size >= READERS_MAX || (this.#ofOne.get(principalName(principal)) ?? 0) >= most;
    if (!isFull) return;
    const why = `at most ${most} readers of events for each, ${READERS_MAX} in all`;
    throw new HttpFailure(429, "too_many_readers", why, { headers: { "Retry-After": "5" } });
  }

  /** The moots that whoever asks may read, now. */
  readable(principal: Principal): GroupId[] {
    const { node } = this.#parts;
    if (principal.kind === "device") return principal.device.groups.filter((group) => node.holds(group));
    return node.groupIds().filter((group) => mayRead(principal, group));
  }

  begin(reader: LiveReader): void {
    const name = principalName(reader.principal);
    this.#readers.add(reader);
    this.#ofOne.set(name, (this.#ofOne.get(name) ?? 0) + 1);
    this.#news ??= this.#parts.node.onNews(() => this.#pass());
    this.#tick ??= this.#parts.clock.after(TICK_MS, this.#ticked, { idle: true });
    this.#pass();
  }

  leave(reader: LiveReader): void {
    for (const group of reader.groups()) this.part(reader, group);
    this.#full.delete(reader);
    if (!this.#readers.delete(reader)) return;
    const name = principalName(reader.principal);
    const left = this.#ofOne.get(name)! - 1;
    if (left > 0) this.#ofOne.set(name, left);
    else this.#ofOne.delete(name);
    if (this.#readers.size > 0) return;
    this.#news?.[Symbol.dispose]();
    this.#tick?.[Symbol.dispose]();
    this.#news = undefined;
    this.#tick = undefined;
  }

  /** `end`: of its log, as the reader found it. */
  join(reader: LiveReader, group: GroupId, end: MootPlace): void {
    const feed = this.#feeds.get(group) ?? { head: end, readers: new Set() };
    this.#feeds.set(group, feed);
    feed.readers.add(reader);
  }

  part(reader: LiveReader, group: GroupId): void {
    const feed = this.#feeds.get(group);
    feed?.readers.delete(reader);
    if (feed?.readers.size === 0) this.#feeds.delete(group);
  }

  headOf(group: GroupId): MootPlace {
    return this.#feeds.get(group)?.head ?? { seq: 0, place: "" };
  }

  hasRoom(unsentBytes: number): boolean {
    return unsentBytes < UNSENT_MAX && this.#unsent < UNSENT_OF_ALL_MAX;
  }

  noteUnsent(reader: LiveReader): void {
    if (!this.#full.has(reader)) this.#unsent += reader.unsentBytes;
    this.#full.add(reader);
    this.#look ??= this.#parts.clock.after(UNSENT_LOOK_MS, this.#lookUnsent, { idle: true });
  }

  /** Few read by themselves at once. */
  async turnToRead(): Promise<Disposable> {
    if (this.#reading >= READING_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#reading += 1;
    const give = () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#reading -= 1;
      else next();
    };
    return { [Symbol.dispose]: give };
  }

  /** What arrived behind a place. Throws as the operation. */
  page(
    group_id: GroupId,
    after: string,
    filter: { readonly topic?: string | undefined; readonly reserved: boolean },
  ): Promise<MessagesPage> {
    return this.#parts.node.reads.call(messages, { group_id, by: "arrival", after, limit: PAGE, ...filter });
  }

  #pass(): void {
    this.#isAgain = true;
    if (!this.#isPassing) void this.#passing();
  }

  async #passing(): Promise<void> {
    this.#isPassing = true;
    try {
      while (this.#isAgain && this.#readers.size > 0) {
        this.#isAgain = false;
        for (const [group, feed] of this.#feeds) {
          const last = this.#parts.node.lastSeq(group);
          if (last !== undefined && last !== feed.head.seq) await this.#deliver(group, feed);
        }
      }
    } catch (error) {
      this.#parts.log.error("http: events could not be told", error);
    } finally {
      this.#isPassing = false;
    }
  }

  async #deliver(group: GroupId, feed: Feed): Promise<void> {
    for (let more = true; more && feed.readers.size > 0; ) {
      let page: MessagesPage;
      try {
        page = await this.page(group, feed.head.place, { reserved: true });
      } catch (error) {
        if (!(error instanceof EntmootError)) throw error;
        for (const reader of [...feed.readers]) reader.fail(group, error);
        return;
      }
      const devices = this.#parts.registry?.devices();
      for (const reader of [...feed.readers]) reader.check(devices);
      for (const row of page.messages) {
        const told = { row, event: LiveEvent.message(row) };
        const { seq } = feed.head;
        feed.head = { seq: row.seq, place: row.place };
        for (const reader of feed.readers) reader.offer(group, told, seq);
      }
      const reached = mootPlace(page.place!);
      if (reached.seq > feed.head.seq) feed.head = reached;
      more = page.more;
    }
  }

  readonly #lookUnsent = (): void => {
    this.#look = undefined;
    let unsent = 0;
    const eased: LiveReader[] = [];
    for (const reader of this.#full) {
      const bytes = reader.unsentBytes;
      unsent += bytes;
      if (bytes < UNSENT_MAX) eased.push(reader);
      if (bytes === 0) this.#full.delete(reader);
    }
    this.#unsent = unsent;
    for (const reader of eased) reader.wake();
    if (this.#full.size > 0) {
      this.#look ??= this.#parts.clock.after(UNSENT_LOOK_MS, this.#lookUnsent, { idle: true });
    }
  };

  readonly #ticked = (): void => {
    const nowMs = this.nowMs();
    const devices = this.#parts.registry?.devices();
    for (const reader of [...this.#readers]) {
      reader.check(devices);
      for (const group of [...reader.groups()]) if (!this.#parts.node.holds(group)) reader.drop(group);
      reader.tick(nowMs);
      if (reader.listed === undefined) void this.#addNew(reader);
    }
    this.#pass();
    this.#tick = this.#parts.clock.after(TICK_MS, this.#ticked, { idle: true });
  };

  /** Moots that came since are told from their first message on. */
  async #addNew(reader: LiveReader): Promise<void> {
    const { principal } = reader;
    const device = principal.kind === "device" ? this.#parts.registry?.devices().get(principal.device.id) : undefined;
    const now = device === undefined ? principal : ({ kind: "device", device } as const);
    const missing = this.readable(now).filter((group) => !reader.follows(group));
    for (const group of missing.slice(0, MOOTS_MAX + 1)) {
      let start: MootStart;
      try {
        start = await startOf(this.#parts.node, group, { kind: "all" });
      } catch (error) {
        if (error instanceof EntmootError) continue;
        this.#parts.log.error("http: events could not be told", error);
        return;
      }
      if (this.#readers.has(reader) && !reader.follows(group)) reader.add(group, start);
    }
  }
}
