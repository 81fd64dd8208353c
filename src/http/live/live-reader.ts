import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import type { ShownTopics } from "../../core/policy/topic.ts";
import type { EventSink } from "../../host/http-request.ts";
import type { MessageRow } from "../../node/operations/messages.ts";
import type { Device } from "../../store/device-registry.ts";
import { isBearer, type Principal } from "../principal.ts";
import { shownPlaces } from "../shown-places.ts";
import { aliveEvent, type EndCode, LiveEvent } from "./live-event.ts";
import type { HubOfReader } from "./live-hub.ts";
import { MOOTS_MAX, type MootPlace, mootPlace } from "./place-list.ts";

/** Ours. Without an event for so long, it is shown that the line lives. */
const ALIVE_MS = 15_000;
/** Ours. Who takes nothing for so long is closed. */
const STALLED_MS = 30_000;

export interface ReaderParts {
  readonly hub: HubOfReader;
  readonly principal: Principal;
  /** `undefined`: all that whoever asks may read, also those joined later. */
  readonly listed: readonly GroupId[] | undefined;
  readonly shown: ShownTopics;
  readonly filter: { readonly topic: string | undefined; readonly reserved: boolean };
}

/** Where a moot is told from, and where its log ended then. */
export interface MootStart {
  readonly from: MootPlace;
  readonly end: MootPlace;
}

/** One who is told messages as they arrive: by the hub where it is at the head of a log, else out of the log itself. */
export class LiveReader {
  readonly #parts: ReaderParts;
  readonly #cursors = new Map<GroupId, MootPlace>();
  readonly #failed = new Set<GroupId>();
  readonly #toldFailed = new Set<GroupId>();
  #sink: EventSink | undefined;
  #end: { readonly code: EndCode; readonly message: string; readonly places?: unknown } | undefined;
  #wake: (() => void) | undefined;
  #isWoken = false;
  #sentAtMs: number;
  /** What was not taken, and since when no less. */
  #unsent = { bytes: 0, sinceMs: 0 };

  constructor(parts: ReaderParts, starts: ReadonlyMap<GroupId, MootStart>) {
    this.#parts = parts;
    this.#sentAtMs = parts.hub.nowMs();
    for (const [group, { from }] of starts) this.#cursors.set(group, from);
    for (const [group, start] of starts) parts.hub.join(this, group, start.end);
  }

  get principal(): Principal {
    return this.#parts.principal;
  }

  get listed(): readonly GroupId[] | undefined {
    return this.#parts.listed;
  }

  get unsentBytes(): number {
    return this.#sink?.unsentBytes ?? 0;
  }

  groups(): IterableIterator<GroupId> {
    return this.#cursors.keys();
  }

  follows(group: GroupId): boolean {
    return this.#cursors.has(group);
  }

  /** One that was joined later, or can be read only now. */
  add(group: GroupId, { end, from }: MootStart): void {
    if (this.#cursors.size >= MOOTS_MAX) {
      this.end("too_many_moots", `more than ${MOOTS_MAX} moots; list some as groups=`);
      return;
    }
    this.#cursors.set(group, from);
    this.#parts.hub.join(this, group, end);
    this.wake();
  }

  /** Tells until nobody listens, or there is nothing more to be told. */
  async tell(sink: EventSink): Promise<void> {
    const { hub } = this.#parts;
    this.#sink = sink;
    const wake = () => this.wake();
    for (const signal of [sink.gone, sink.ending]) signal.addEventListener("abort", wake, { once: true });
    try {
      hub.begin(this);
      this.#send(new LiveEvent("ready", { groups: [...this.#cursors.keys()].map((id) => GroupId.toBase64(id)) }));
      while (!sink.gone.aborted) {
        if (sink.ending.aborted) this.end("service_ending", "the service ends; ask again in a moment");
        if (this.#end !== undefined) {
          this.#send(new LiveEvent("end", this.#end));
          return;
        }
        const behind = [...this.#cursors.keys()].filter((group) => this.#isBehind(group));
        if (behind.length === 0 || !this.#hasRoom()) await this.#woken();
        else for (const group of behind) await this.#catchUp(group);
      }
    } finally {
      for (const signal of [sink.gone, sink.ending]) signal.removeEventListener("abort", wake);
      hub.leave(this);
    }
  }

  /** Nothing more is told than why. */
  end(code: EndCode, message: string, more: { readonly places?: unknown } = {}): void {
    this.#end ??= { code, message, ...more };
    this.wake();
  }

  wake(): void {
    this.#isWoken = true;
    this.#wake?.();
  }

  /** What arrived now, behind `head`. */
  offer(group: GroupId, { event, row }: { readonly row: MessageRow; readonly event: LiveEvent }, head: number): void {
    const cursor = this.#cursors.get(group);
    if (cursor === undefined || cursor.seq >= row.seq || this.#sink === undefined) return;
    // Behind: it comes to this one by itself.
    if (cursor.seq < head || !this.#take(group, row, event)) this.wake();
  }

  /** Whether the device may still read, with the registry as it is now. */
  check(devices: ReadonlyMap<string, Device> | undefined): void {
    const { principal } = this.#parts;
    if (isBearer(principal) || principal.kind !== "device") return;
    const { id, publicKey } = principal.device;
    const device = devices?.get(id);
    if (device === undefined || device.publicKey !== publicKey) {
      this.end("forbidden", "the device is not registered any more");
    } else if (device.isDisabled) this.end("device_disabled", "device is disabled");
    else for (const group of [...this.#cursors.keys()]) if (!device.groups.includes(group)) this.drop(group);
  }

  /** It is read here no more, or not by this one. */
  drop(group: GroupId): void {
    if (!this.#cursors.delete(group)) return;
    this.#parts.hub.part(this, group);
    if (this.#cursors.size === 0 && this.#parts.listed !== undefined) this.end("group_not_found", "group not joined");
  }

  /** Each second. */
  tick(nowMs: number): void {
    if (this.#sink === undefined) return;
    this.#failed.clear();
    const bytes = this.#sink.unsentBytes;
    if (bytes === 0 || bytes < this.#unsent.bytes || this.#unsent.bytes === 0) this.#unsent = { bytes, sinceMs: nowMs };
    else if (nowMs - this.#unsent.sinceMs >= STALLED_MS) {
      this.end("slow_reader", "nothing was taken for half a minute; ask again from the last id");
    }
    if (bytes === 0 && nowMs - this.#sentAtMs >= ALIVE_MS && this.#end === undefined) {
      this.#sentAtMs = nowMs;
      this.#sink.send(aliveEvent(this.#id()));
    }
    this.wake();
  }

  #isBehind(group: GroupId): boolean {
    return !this.#failed.has(group) && (this.#cursors.get(group)?.seq ?? 0) < this.#parts.hub.headOf(group).seq;
  }

  async #catchUp(group: GroupId): Promise<void> {
    const { filter, hub } = this.#parts;
    using _turn = await hub.turnToRead();
    const cursor = this.#cursors.get(group);
    if (cursor === undefined || this.#end !== undefined || this.#sink!.gone.aborted) return;
    const head = hub.headOf(group);
    try {
      const page = await hub.page(group, cursor.place, filter);
      for (const row of page.messages) {
        if (!this.#cursors.has(group)) return;
        if (row.seq > this.#cursors.get(group)!.seq && !this.#take(group, row, LiveEvent.message(row))) return;
      }
      const reached = mootPlace(page.place!);
      // What is numbered up to the head and not there any more was pruned.
      const next = !page.more && reached.seq < head.seq ? head : reached;
      if (this.#cursors.has(group) && next.seq > this.#cursors.get(group)!.seq) this.#cursors.set(group, next);
      this.#toldFailed.delete(group);
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this.fail(group, error);
    }
  }

  /** It cannot be read just now, or never again from where this one is. */
  fail(group: GroupId, error: EntmootError): void {
    if (error.code === "place_lost") this.end("place_lost", error.message, { places: shownPlaces(error) });
    else if (error.code === "group_not_found") this.drop(group);
    else {
      this.#failed.add(group);
      if (this.#toldFailed.has(group)) return;
      this.#toldFailed.add(group);
      this.#send(new LiveEvent("unread", { group_id: GroupId.toBase64(group), reason: error.message }));
    }
  }

  /** `false`: there is no room for it now. */
  #take(group: GroupId, { message, place, seq }: MessageRow, event: LiveEvent): boolean {
    if (this.#end !== undefined) return true;
    const isShown = this.#parts.shown.shows(message.topics);
    if (isShown && !this.#hasRoom()) return false;
    this.#cursors.set(group, { seq, place });
    if (isShown) this.#send(event);
    return true;
  }

  #hasRoom(): boolean {
    return this.#parts.hub.hasRoom(this.#sink!.unsentBytes);
  }

  #send(event: LiveEvent): void {
    this.#sentAtMs = this.#parts.hub.nowMs();
    this.#sink!.send(event.with(this.#id()));
    if (this.#sink!.unsentBytes > 0) this.#parts.hub.noteUnsent(this);
  }

  #id(): string {
    if (this.#cursors.size === 1) for (const { place } of this.#cursors.values()) return place;
    return [...this.#cursors.values()].map(({ place }) => place).join();
  }

  async #woken(): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    this.#isWoken = false;
  }
}
