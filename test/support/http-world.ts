import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { GroupId, PublicKey } from "../../src/core/ids.ts";
import { createGenesis } from "../../src/core/roster/roster-change.ts";
import { saltKeys } from "../../src/core/salted-map.ts";
import { sign } from "../../src/core/signature.ts";
import type { ServedAnswer, ServedRequest, TellEvents } from "../../src/host/http-request.ts";
import { createLog } from "../../src/host/log.ts";
import { type AuthMode, Gate } from "../../src/http/authenticate.ts";
import { HttpService } from "../../src/http/http-service.ts";
import { NonceBook } from "../../src/http/nonce-book.ts";
import type { HttpRoute, ServiceContext, ServiceNode } from "../../src/http/route.ts";
import { ROUTES, RouteTable } from "../../src/http/route-table.ts";
import { deviceSigningInput, signedBytes } from "../../src/http/signing-input.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { LocalReader } from "../../src/node/read/local-reader.ts";
import { type Device, DeviceRegistry } from "../../src/store/device-registry.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { SqliteEsp } from "../../src/store/sqlite/sqlite-esp.ts";
import { identity } from "./identity.ts";
import { keptMessage } from "./kept-message.ts";
import { ManualClock } from "./manual-clock.ts";
import { message } from "./message.ts";
import { startNode } from "./nodes.ts";
import type { TemporaryDirectory } from "./temporary-directory.ts";

saltKeys("");

export const TOKEN = "token";
export const OURS = GroupId.fromBytes(new Uint8Array(32).fill(1));
export const OTHERS = GroupId.fromBytes(new Uint8Array(32).fill(2));
export const UNKNOWN_MOOT = GroupId.fromBytes(new Uint8Array(32).fill(3));

/** A device with the key of an identity of the tests; it may read `OURS`. */
export function device(id: string, key: number, more: Partial<Device> = {}): Device {
  return {
    id,
    publicKey: PublicKey.fromBytes(identity(key).publicKey),
    groups: [OURS],
    adminGroups: [],
    clientIds: [id],
    nodeId: 0,
    memberKey: undefined,
    isDisabled: false,
    ...more,
  };
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly address?: string;
}

/** The whole service but its socket, on two moots, with a clock that stands still. */
export class HttpWorld implements Disposable {
  readonly clock = new ManualClock();
  readonly registry: DeviceRegistry;
  readonly lines: string[] = [];
  readonly #home: TemporaryDirectory;
  readonly #root = new MemoryDataRoot();
  #how: WorldOptions;
  #daemon: Promise<EntmootNode> | undefined;
  /** Nobody who changes moots answers. */
  isDaemonGone = false;
  #esp: SqliteEsp;
  #service: HttpService;
  #nonces = 0;
  #said = 0;
  readonly #listeners = new Set<() => void>();

  constructor(home: TemporaryDirectory, how: WorldOptions = {}) {
    this.#home = home;
    this.#how = how;
    for (const id of [OURS, OTHERS]) {
      this.#root.createGroup(id).roster.append([createGenesis({ seed: identity(1).seed, nowMs: this.clock.unix() })]);
    }
    this.registry = new DeviceRegistry(join(home.path, "esp-devices.json"));
    this.registry.change(() => how.devices ?? [device("phone", 2), device("other", 3)]);
    this.#esp = new SqliteEsp(home.path);
    this.#service = this.#start();
  }

  /** As after the process ended and began again, perhaps told otherwise. */
  restart(how: WorldOptions = {}): void {
    this.#how = { ...this.#how, ...how };
    this.#esp[Symbol.dispose]();
    this.#esp = new SqliteEsp(this.#home.path);
    this.#service = this.#start();
  }

  /** Puts a message into a moot, as a peer would. */
  say(group_id: GroupId, content: string, topics = ["chat"]): void {
    const sent = { by: identity(1), group_id, topics, timestamp: BigInt(this.clock.unix() + this.#said++) };
    this.#root.openGroup(group_id)!.messages.putMany([keptMessage(message({ ...sent, content: encodeUtf8(content) }))]);
    for (const listener of this.#listeners) listener();
  }

  /** The moot is a copy of another age from now on: as after a backup was restored. */
  drawLog(group_id: GroupId): void {
    this.#root.openGroup(group_id)!.messages.drawLog();
  }

  /** Begins to listen, as the bearer unless headers say otherwise. */
  async listen(target: string, headers: Readonly<Record<string, string>> = {}): Promise<HeldEvents> {
    const { body } = await this.#answer(target, { headers: { authorization: `Bearer ${TOKEN}`, ...headers } });
    if (typeof body !== "function") throw new Error(new TextDecoder().decode(body));
    return new HeldEvents(body);
  }

  async ask(target: string, options: AskOptions = {}) {
    return told(await this.#answer(target, options));
  }

  #answer(target: string, { address = "192.0.2.1", body = "", headers = {}, method = "GET" }: AskOptions = {}) {
    const bytes = bytesOf(body);
    const byName = new Map(
      Object.entries({ host: "localhost", "content-length": `${bytes.length}`, ...headers }).map(([k, v]) => [
        k.toLowerCase(),
        v,
      ]),
    );
    const request: ServedRequest = {
      method,
      target,
      header: (name) => byName.get(name),
      address,
      isSecure: false,
      signal: new AbortController().signal,
      async body(maxBytes) {
        if (bytes.length > maxBytes) throw tooLarge();
        return bytes;
      },
    };
    return this.#service.answer(request);
  }

  bearer(target: string, options: AskOptions = {}) {
    return this.ask(target, { ...options, headers: { authorization: `Bearer ${TOKEN}`, ...options.headers } });
  }

  /** The headers of a request as a device signs it. */
  signed(target: string, { body = "", id = "phone", key = 2, method = "GET", nonce, stampMs }: SignOptions = {}) {
    const timestampMs = BigInt(stampMs ?? this.clock.unix());
    const drawn = nonce ?? `n-${this.#nonces++}`;
    const input = deviceSigningInput({ method, target, timestampMs, nonce: drawn, body: bytesOf(body) });
    return {
      "x-entmoot-device-id": id,
      "x-entmoot-timestamp-ms": String(timestampMs),
      "x-entmoot-nonce": drawn,
      "x-entmoot-signature": sign(identity(key).seed, signedBytes(input)).toBase64(),
    };
  }

  as(target: string, options: SignOptions & AskOptions = {}) {
    const headers = this.signed(target, options);
    return this.ask(target, { ...options, headers: { ...headers, ...options.headers } });
  }

  [Symbol.dispose](): void {
    this.#esp[Symbol.dispose]();
    if (this.#daemon === undefined) this.#root[Symbol.dispose]();
    else void this.#daemon.then((node) => node[Symbol.asyncDispose]());
  }

  /** A real node on the same data, once somebody needs one. */
  async #writes(): Promise<EntmootNode> {
    if (this.isDaemonGone) throw new EntmootError("control_unavailable", "no daemon");
    this.#daemon ??= startNode(undefined, 1, { root: this.#root, clock: this.clock });
    return await this.#daemon;
  }

  #start(): HttpService {
    const { mode = "dual", perMinute = 0, routes = [] } = this.#how;
    const { clock, registry } = this;
    const log = createLog("info", { write: (line) => this.lines.push(line), now: () => new Date(clock.unix()) });
    const reads = new LocalReader(this.#root, { clock, local: () => undefined });
    const node = this.#how.node ?? {
      reads,
      writes: () => this.#writes(),
      isWritable: async () => !this.isDaemonGone,
      holds: (id: GroupId) => id === OURS || id === OTHERS,
      groupIds: () => [OURS, OTHERS],
      lastSeq: (id: GroupId) => reads.lastSeq(id),
      onNews: (listener: () => void) => {
        this.#listeners.add(listener);
        return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
      },
    };
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    const context: Omit<ServiceContext, "live"> = { node, esp: this.#esp, registry, mode, clock, log, random };
    const nonces = new NonceBook({ store: this.#esp.nonces, clock, log });
    const gate = new Gate({ mode, token: TOKEN, registry, nonces, clock });
    const hosts = { isLoopback: true, allowed: new Set(["esp.example"]) };
    return new HttpService({ context, gate, hosts, perMinute, table: new RouteTable([...ROUTES, ...routes]) });
  }
}

export interface WorldOptions {
  readonly mode?: AuthMode;
  readonly perMinute?: number;
  readonly devices?: readonly Device[];
  /** In place of two moots that are only read. */
  readonly node?: ServiceNode;
  /** Beside those that there are. */
  readonly routes?: readonly HttpRoute[];
}

interface SignOptions {
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly id?: string;
  readonly key?: number;
  readonly nonce?: string;
  readonly stampMs?: number;
}

/** Events of one answer, on a way that takes nothing while it is told to. */
export class HeldEvents {
  readonly told: { readonly event: string; readonly id: string; readonly data: Record<string, never> }[] = [];
  readonly done: Promise<void>;
  isTaking = true;
  #unsent = 0;
  readonly #gone = new AbortController();
  readonly #ending = new AbortController();

  constructor(tell: TellEvents) {
    const self = this;
    this.done = tell({
      gone: this.#gone.signal,
      ending: this.#ending.signal,
      get unsentBytes() {
        if (self.isTaking) self.#unsent = 0;
        return self.#unsent;
      },
      send: ({ frame, text }) => {
        this.#unsent += text.length;
        if (frame !== undefined) this.told.push(JSON.parse(frame));
      },
    });
  }

  get unsent(): number {
    return this.#unsent;
  }

  contents(): string[] {
    return this.told.filter(({ event }) => event === "message").map(({ data }) => data.content as unknown as string);
  }

  leave(): Promise<void> {
    this.#gone.abort();
    return this.done;
  }

  end(): Promise<void> {
    this.#ending.abort();
    return this.done;
  }
}

function told({ body, headers, status }: ServedAnswer) {
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
  const isJson = headers["Content-Type"] === "application/json";
  return { status, headers, text, json: isJson && text !== "" ? JSON.parse(text) : undefined };
}

function tooLarge(): EntmootError {
  return new EntmootError("frame_too_large", "body: too large");
}

function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? new TextEncoder().encode(body) : body;
}
