import { BoundedMap } from "../../core/bounded-map.ts";
import { type Clock, later, type SteadyMs } from "../../core/clock.ts";
import type { Log } from "../../host/log.ts";
import { DEVICES_MAX, type Device } from "../../store/device-registry.ts";
import type { DeviceState, DuePush, EspStore, PushNews } from "../../store/esp-store.ts";
import type { PushOutcome } from "./pushes.ts";

/** Ours. Streams beside each other on the one connection; Apple allows far more. */
const SENT_AT_ONCE_MAX = 8;
/** Ours. A device is woken no oftener; what comes meanwhile is one push. */
const DEVICE_REST_MS = 10_000;
/** Ours. Waits after failures: doubled each time. */
const RETRY_FIRST_MS = 2_000;
const RETRY_MAX_MS = 5 * 60_000;
/** Ours. What waited longer wakes nobody any more. */
const DUE_MAX_MS = 24 * 3_600_000;

/** Ours. The type of what is told of messages. */
export const MESSAGE_NEWS = "message";

export interface SenderParts {
  readonly esp: Pick<EspStore, "devices" | "pushes">;
  /** Those registered now. */
  readonly devices: () => ReadonlyMap<string, Device>;
  readonly send: (token: string, news: PushNews, signal: AbortSignal) => Promise<PushOutcome>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Rest {
  readonly untilMs: SteadyMs;
  readonly failures: number;
}

/** Sends what is due, a few at once and each device's in turn. What is due stands in the store; here is only who waits for what. */
export class PushSender {
  readonly #parts: SenderParts;
  readonly #ended = new AbortController();
  readonly #busy = new Map<string, Promise<void>>();
  readonly #rests = new BoundedMap<string, Rest>(DEVICES_MAX);
  /** After a failure that is about all of them. */
  #rest: Rest | undefined;

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  /** Begins as many as may be under way. Who calls does so again after a while. */
  look(): void {
    const now = this.#parts.clock.steady();
    if (this.#rest !== undefined && now < this.#rest.untilMs) return;
    // After a failure one is tried first.
    const most = this.#rest === undefined ? SENT_AT_ONCE_MAX : 1;
    for (const id of this.#parts.esp.pushes.waiting(DEVICES_MAX)) {
      if (this.#busy.size >= most || this.#ended.signal.aborted) return;
      const rest = this.#rests.get(id);
      if (this.#busy.has(id) || (rest !== undefined && now < rest.untilMs)) continue;
      this.#begin(id);
    }
  }

  /** Resolves when nothing is under way any more. What was not answered stays due. */
  async end(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#busy.values());
  }

  /** What is under way now is over. For tests. */
  async settled(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  #begin(id: string): void {
    const work = this.#wake(id)
      .catch((error: unknown) => {
        this.#parts.log.error("push: a device is not woken", { device: id }, error);
        this.#restAfter(id, undefined);
      })
      .finally(() => this.#busy.delete(id));
    this.#busy.set(id, work);
  }

  async #wake(id: string): Promise<void> {
    const { clock, esp } = this.#parts;
    const state = esp.devices.get(id);
    const device = this.#parts.devices().get(id);
    if (device === undefined || !isWakeable(device, state)) {
      esp.pushes.forget(id);
      return;
    }
    const { due, over } = chosen(esp.pushes.due(id), device, clock.unix());
    if (over.length > 0) esp.pushes.done(id, over);
    for (const { news, pushes } of due) {
      const outcome = await this.#parts.send(state.pushToken, news, this.#ended.signal);
      if (this.#ended.signal.aborted && outcome.kind === "later") return;
      if (!this.#settle(state, pushes, outcome)) return;
    }
    if (due.length > 0) this.#rests.set(id, { untilMs: later(clock.steady(), DEVICE_REST_MS), failures: 0 });
  }

  /** Whether to go on with this device. */
  #settle({ deviceId, pushToken }: DeviceState, pushes: readonly DuePush[], outcome: PushOutcome): boolean {
    const { clock, esp, log } = this.#parts;
    if (outcome.kind === "later") {
      if (outcome.isForAll) this.#restAll(outcome.code, outcome.afterMs);
      else this.#restAfter(deviceId, outcome.afterMs);
      return false;
    }
    if (outcome.kind === "refused" && outcome.isForAll) {
      this.#restAll(outcome.code, RETRY_MAX_MS);
      return false;
    }
    this.#rest = undefined;
    if (outcome.kind === "no such token") {
      log.warn("push: a token is taken off, as its provider has no such device", {
        device: deviceId,
        code: outcome.code,
      });
      esp.devices.clearToken(deviceId, pushToken, clock.unix());
      esp.pushes.forget(deviceId);
      return false;
    }
    if (outcome.kind === "refused") log.warn("push: refused", { device: deviceId, code: outcome.code });
    esp.pushes.done(deviceId, pushes);
    return true;
  }

  #restAfter(id: string, afterMs: number | undefined): void {
    const failures = (this.#rests.get(id)?.failures ?? 0) + 1;
    this.#rests.set(id, { failures, untilMs: later(this.#parts.clock.steady(), waitMs(failures, afterMs)) });
  }

  #restAll(code: string, afterMs: number | undefined): void {
    const { clock, log } = this.#parts;
    const now = clock.steady();
    // Of several that were under way the first one counts.
    if (this.#rest !== undefined && now < this.#rest.untilMs) return;
    const failures = (this.#rest?.failures ?? 0) + 1;
    const ms = waitMs(failures, afterMs);
    this.#rest = { failures, untilMs: later(now, ms) };
    log.warn("push: the provider takes nothing just now", { code, again_in_ms: ms });
  }
}

/** Whether it may be woken at all. */
export function isWakeable(device: Device, state: DeviceState | undefined): state is DeviceState {
  if (device.isDisabled || state === undefined) return false;
  return state.pushToken !== "" && state.pushPlatform === "apns" && state.preferences.isEnabled;
}

interface PushBatch {
  readonly news: PushNews;
  readonly pushes: readonly DuePush[];
}

/** What one device is sent: each question to sign by itself, messages of all moots as one. */
function chosen(due: readonly DuePush[], device: Device, nowMs: number): { due: PushBatch[]; over: DuePush[] } {
  const isOver = ({ groupId, sinceMs, type }: DuePush) =>
    nowMs - sinceMs > DUE_MAX_MS ||
    (type === MESSAGE_NEWS && groupId !== undefined && !device.groups.includes(groupId));
  const over = due.filter(isOver);
  const left = due.filter((push) => !isOver(push));
  const batches: PushBatch[] = left
    .filter(({ type }) => type !== MESSAGE_NEWS)
    .map((push) => ({ news: push, pushes: [push] }));
  const messages = left.filter(({ type }) => type === MESSAGE_NEWS);
  const [first] = messages;
  if (first !== undefined) {
    const groupId = messages.length === 1 ? first.groupId : undefined;
    batches.push({ news: { ...first, groupId }, pushes: messages });
  }
  return { due: batches, over };
}

function waitMs(failures: number, afterMs: number | undefined): number {
  const ms = afterMs ?? RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 20);
  return Math.min(Math.max(ms, 1_000), RETRY_MAX_MS);
}
