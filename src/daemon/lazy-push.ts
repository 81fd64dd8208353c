import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { readTextAtMost } from "../files/read-at-most.ts";
import type { Log } from "../host/log.ts";
import { APNS_ORIGIN, APNS_SANDBOX_ORIGIN, type Apns, apnsKey } from "../http/push/apns.ts";
import type { PushService } from "../http/push/push-service.ts";
import type { Pushes, PushOutcome } from "../http/push/pushes.ts";
import type { ServiceNode } from "../http/route.ts";
import type { DeviceRegistry } from "../store/device-registry.ts";
import type { EspStore, PushNews } from "../store/esp-store.ts";
import { FileLock } from "../store/lock.ts";
import { fileFailure } from "../store/private-files.ts";
import type { ApnsOptions } from "./esp-options.ts";

/** Below the data root. Ours. Held by the process that wakes devices. */
const LOCK_FILE = "esp-push.lock";
/** Ours. How often it is looked whether another process gave a device a token. */
const TOKENS_LOOK_MS = 30_000;
const KEY_BYTES_MAX = 64 * 1024;

interface LazyPushParts {
  readonly dataDir: string;
  readonly apns: ApnsOptions;
  readonly node: ServiceNode;
  readonly esp: EspStore;
  readonly registry: DeviceRegistry;
  readonly clock: Clock;
  readonly log: Log;
}

/** Push by Apple's service, of which nothing is loaded until a device has a token. */
export class LazyPush implements Pushes, AsyncDisposable {
  readonly #parts: LazyPushParts;
  readonly #key: string;
  #service: Promise<PushService | undefined> | undefined;
  #apns: Promise<Apns> | undefined;
  #closeApns: Disposable | undefined;
  #timer: Disposable | undefined;
  #isOver = false;

  /** Throws `invalid_argument` where the key is missing or none. */
  constructor(parts: LazyPushParts) {
    this.#parts = parts;
    this.#key = readApnsKey(parts.apns.keyPath);
    this.changed();
  }

  changed(): void {
    if (this.#service !== undefined || this.#isOver) return;
    if (this.#hasToken()) {
      this.#timer?.[Symbol.dispose]();
      this.#service = this.#start();
      return;
    }
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#parts.clock.after(TOKENS_LOOK_MS, () => this.changed(), { idle: true });
  }

  tell(deviceId: string, news: PushNews): void {
    const { clock, esp, log } = this.#parts;
    try {
      const state = esp.devices.get(deviceId);
      if (state === undefined || state.pushToken === "" || !state.preferences.isEnabled) return;
      esp.pushes.add(deviceId, news, clock.unix());
    } catch (error) {
      log.warn("push: a device is not told", { device: deviceId, type: news.type }, error);
    }
  }

  async test(token: string): Promise<PushOutcome> {
    const apns = await this.#opened();
    return await apns.send(token, { type: "notification_test", reason: "operator_test", groupId: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#timer?.[Symbol.dispose]();
    await (await this.#service)?.[Symbol.asyncDispose]();
    await this.#apns?.catch(() => {});
    this.#closeApns?.[Symbol.dispose]();
  }

  #hasToken(): boolean {
    try {
      return this.#parts.esp.devices.withToken(1).length > 0;
    } catch (error) {
      if (error instanceof EntmootError) return false;
      throw error;
    }
  }

  async #start(): Promise<PushService | undefined> {
    const { clock, dataDir, esp, log, node, registry } = this.#parts;
    try {
      const [{ PushService: Service }, apns] = await Promise.all([
        import("../http/push/push-service.ts"),
        this.#opened(),
      ]);
      const lock = () => FileLock.tryAcquire(join(dataDir, LOCK_FILE), 0);
      return new Service({ apns, node, esp, devices: () => registry.devices(), clock, log, lock });
    } catch (error) {
      log.error("push: nobody is woken", error);
      return undefined;
    }
  }

  #opened(): Promise<Apns> {
    this.#apns ??= this.#open();
    return this.#apns;
  }

  async #open(): Promise<Apns> {
    const { apns: options, clock } = this.#parts;
    const [{ Apns: Provider }, { Http2Client }] = await Promise.all([
      import("../http/push/apns.ts"),
      import("../host/http2-client.ts"),
    ]);
    const client = new Http2Client(options.origin ?? (options.isSandbox ? APNS_SANDBOX_ORIGIN : APNS_ORIGIN));
    this.#closeApns = client;
    return new Provider({ keys: { ...options, key: this.#key }, clock, post: (ask) => client.post(ask) });
  }
}

/** Throws `invalid_argument` where it is missing or none. */
export function readApnsKey(path: string): string {
  let key: string | undefined;
  try {
    key = readTextAtMost(path, KEY_BYTES_MAX);
  } catch (error) {
    const failure = fileFailure(error, path);
    const why = failure instanceof EntmootError ? failure.message : `${path}: cannot be read`;
    throw new EntmootError("invalid_argument", why, { cause: error });
  }
  try {
    apnsKey(key ?? "");
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    throw new EntmootError("invalid_argument", `${path}: ${error.message}`, { cause: error });
  }
  return key!;
}
