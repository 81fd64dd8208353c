import type { GroupId } from "../../src/core/ids.ts";
import type { MessageFields } from "../../src/core/record/message.ts";
import { createGenesis } from "../../src/core/roster/roster-change.ts";
import { saltKeys } from "../../src/core/salted-map.ts";
import { Http2Client } from "../../src/host/http2-client.ts";
import { createLog } from "../../src/host/log.ts";
import { Apns } from "../../src/http/push/apns.ts";
import { PushService } from "../../src/http/push/push-service.ts";
import { LocalReader } from "../../src/node/read/local-reader.ts";
import type { Device } from "../../src/store/device-registry.ts";
import { INITIAL_PREFERENCES, type PushPreferences } from "../../src/store/esp-store.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { SqliteEsp } from "../../src/store/sqlite/sqlite-esp.ts";
import { device, OTHERS, OURS } from "./http-world.ts";
import { identity, type TestIdentity } from "./identity.ts";
import { keptMessage } from "./kept-message.ts";
import { ManualClock } from "./manual-clock.ts";
import { message } from "./message.ts";
import { PushProvider, providerKey } from "./push-provider.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

saltKeys("");

/** Push as the service has it, on two moots, with a provider on a real port and a clock that stands still. */
export class PushWorld implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly key = providerKey();
  readonly lines: string[] = [];
  readonly devices = new Map<string, Device>();
  readonly provider: PushProvider;
  readonly home = new TemporaryDirectory();
  readonly #root = new MemoryDataRoot();
  esp = new SqliteEsp(this.home.path);
  service: PushService;
  #client: Http2Client;
  /** Whether another process holds the lock. */
  isHeld = false;
  #said = 0;

  static async start(): Promise<PushWorld> {
    return new PushWorld(await PushProvider.start());
  }

  private constructor(provider: PushProvider) {
    this.provider = provider;
    for (const id of [OURS, OTHERS]) {
      this.#root.createGroup(id).roster.append([createGenesis({ seed: identity(1).seed, nowMs: this.clock.unix() })]);
    }
    [this.service, this.#client] = this.#start();
  }

  /** A device that can be woken. */
  add(id: string, more: Partial<Device> = {}, preferences: PushPreferences = INITIAL_PREFERENCES): void {
    this.devices.set(id, device(id, 2, more));
    this.esp.devices.putToken(id, { token: `token-${id}`, platform: "apns" }, this.clock.unix());
    this.esp.devices.putPreferences(id, preferences, this.clock.unix());
  }

  /** A message arrives. */
  say(fields: Partial<MessageFields> & { readonly by?: TestIdentity } = {}, group: GroupId = OURS): void {
    const content = new TextEncoder().encode(`secret ${this.#said++}`);
    this.#root.openGroup(group)!.messages.putMany([keptMessage(message({ group_id: group, content, ...fields }))]);
  }

  /** One look, and what it began is over. */
  async look(): Promise<void> {
    await this.service.look();
    await this.service.settled();
  }

  /** Time passes, and one look. */
  async after(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.look();
  }

  /** As after the process was killed and began again. */
  async restart(): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    this.#client[Symbol.dispose]();
    this.esp[Symbol.dispose]();
    this.esp = new SqliteEsp(this.home.path);
    [this.service, this.#client] = this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    this.#client[Symbol.dispose]();
    this.esp[Symbol.dispose]();
    this.#root[Symbol.dispose]();
    await this.provider[Symbol.asyncDispose]();
    this.home[Symbol.dispose]();
  }

  #start(): [PushService, Http2Client] {
    const { clock, esp } = this;
    const client = new Http2Client(this.provider.origin, this.provider.cert);
    const key = this.key.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const keys = { teamId: "TEAM123456", keyId: "KEY1234567", topic: "xyz.entmoot.app", key };
    const apns = new Apns({ keys, clock, post: (ask) => client.post(ask) });
    const log = createLog("info", { write: (line) => this.lines.push(line), now: () => new Date(clock.unix()) });
    const reads = new LocalReader(this.#root, { clock, local: () => undefined });
    const node = { reads, holds: (id: GroupId) => id === OURS || id === OTHERS };
    const lock = () => (this.isHeld ? undefined : { [Symbol.dispose]() {} });
    return [new PushService({ apns, node, esp, devices: () => this.devices, clock, log, lock }), client];
  }
}
