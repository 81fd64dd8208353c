import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, steadyMs, type UnixMs, unixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { canonicalJson } from "../core/json/canonical-json.ts";
import { decodeMessage } from "../core/record/message.ts";
import { createGenesis } from "../core/roster/roster-change.ts";
import type { ServedAnswer, ServedRequest } from "../host/http-request.ts";
import type { Log } from "../host/log.ts";
import { AUTH_MODES, type AuthMode, Gate } from "../http/authenticate.ts";
import { HttpService } from "../http/http-service.ts";
import { NonceBook } from "../http/nonce-book.ts";
import type { ServiceNode } from "../http/route.ts";
import { LocalReader } from "../node/read/local-reader.ts";
import { DeviceRegistry } from "../store/device-registry.ts";
import type { NonceStore } from "../store/esp-store.ts";
import { MemoryDataRoot } from "../store/memory/memory-data-root.ts";
import { SqliteEsp } from "../store/sqlite/sqlite-esp.ts";
import { listField, numberField, objectField, objectListField, textField } from "./fields.ts";
import type { VectorCase, VectorFile } from "./subject.ts";

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Log;

/** Servers of the vectors by name: each with nonces of its own, all with one state. */
export class EspWorld {
  readonly #folder = mkdtempSync(join(tmpdir(), "entmootd-esp-"));
  readonly #clock = new VectorClock();
  readonly #root: MemoryDataRoot;
  readonly #esp: SqliteEsp;
  readonly #servers = new Map<string, HttpService>();

  constructor(file: VectorFile) {
    const fixtures = objectField(file as unknown as VectorCase, "fixtures");
    this.#clock.nowMs = unixMs(numberField(fixtures, "clock_ms"));
    this.#root = rootOf(file, fixtures);
    this.#esp = new SqliteEsp(this.#folder);
    const registryPath = join(this.#folder, "esp-devices.json");
    writeFileSync(registryPath, registryText(file, fixtures));
    const registry = new DeviceRegistry(registryPath);
    const reads = new LocalReader(this.#root, { clock: this.#clock, local: () => undefined });
    const joined = new Set(this.#root.groupIds());
    for (const name of ["bearer", "device", "device-no-daemon", "dual"]) {
      const node: ServiceNode = {
        reads,
        writes: async () => reads,
        isWritable: async () => name !== "device-no-daemon",
        holds: (group) => joined.has(group),
        groupIds: () => [...joined],
        lastSeq: (group) => reads.lastSeq(group),
        onNews: () => ({ [Symbol.dispose]() {} }),
      };
      const mode = AUTH_MODES.find((one) => name.startsWith(one))!;
      this.#servers.set(name, this.#server({ mode, node, registry, token: textField(fixtures, "token") }));
    }
  }

  #server({ mode, node, registry, token }: VectorServer): HttpService {
    const clock = this.#clock;
    const nonces = new NonceBook({ store: forgetful(), clock, log: SILENT });
    const known = mode === "bearer" ? undefined : registry;
    const gate = new Gate({ mode, token: mode === "device" ? undefined : token, registry: known, nonces, clock });
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    const context = { node, esp: this.#esp, registry: known, mode, clock, log: SILENT, random };
    return new HttpService({ context, gate, hosts: { isLoopback: false, allowed: new Set() }, perMinute: 0 });
  }

  /** What the server named answers to the request of a case. */
  ask(vector: VectorCase): Promise<ServedAnswer> {
    this.#clock.nowMs = unixMs(numberField(vector, "clock_ms"));
    return this.#servers.get(textField(vector, "server"))!.answer(requestOf(objectField(vector, "request")));
  }

  close(): void {
    this.#esp[Symbol.dispose]();
    this.#root[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface VectorServer {
  readonly mode: AuthMode;
  readonly node: ServiceNode;
  readonly registry: DeviceRegistry;
  readonly token: string;
}

/** Stands where the vectors say; what is due in the next turn is due at once. */
class VectorClock implements Clock {
  nowMs = unixMs(0);

  unix(): UnixMs {
    return this.nowMs;
  }

  steady() {
    return steadyMs(this.nowMs);
  }

  after(ms: number, work: () => void): Disposable {
    if (ms === 0) void Promise.resolve().then(work);
    return { [Symbol.dispose]() {} };
  }
}

/** Each server of the vectors has nonces of its own, in memory. */
function forgetful(): NonceStore {
  return { valid: () => [], use: (nonces) => nonces.map(() => true) };
}

function rootOf(file: VectorFile, fixtures: VectorCase): MemoryDataRoot {
  const root = new MemoryDataRoot();
  const keys = objectField(file as unknown as VectorCase, "keys");
  const seed = Uint8Array.fromHex(textField(objectField(keys, "A"), "seed"));
  const nodeId = numberField(fixtures, "esp_node");
  const nowMs = unixMs(numberField(fixtures, "clock_ms") - 100_000);
  const groupOf = (field: string) => GroupId.fromBytes(Uint8Array.fromBase64(textField(fixtures, field)));
  for (const id of [groupOf("group_with_slash"), groupOf("group")]) {
    root.createGroup(id).roster.append([createGenesis({ seed, nodeId, nowMs })]);
  }
  const { messages } = root.openGroup(groupOf("group"))!;
  for (const json of listField(fixtures, "group_messages_in_stored_order")) {
    const canonical = new TextEncoder().encode(canonicalJson(JSON.stringify(json)));
    const { author, content, id, parents, timestamp, topics } = decodeMessage(canonical);
    messages.putMany([{ id, author_node_id: author.pilot_node_id, timestamp, topics, parents, canonical, content }]);
  }
  return root;
}

function registryText(file: VectorFile, fixtures: VectorCase): string {
  const keys = objectField(file as unknown as VectorCase, "keys");
  const devices = objectListField(fixtures, "devices").map(({ key, ...device }) => {
    return { ...device, public_key: textField(objectField(keys, key as string), "public") };
  });
  return JSON.stringify({ devices });
}

function requestOf(request: VectorCase): ServedRequest {
  const headers = (request.headers ?? []) as readonly (readonly [name: string, value: string])[];
  const body =
    request.body_len === undefined
      ? new TextEncoder().encode((request.body as string | undefined) ?? "")
      : new Uint8Array(Number(request.body_len)).fill(0x78);
  return {
    method: textField(request, "method"),
    target: textField(request, "target"),
    header: (wanted) => headers.find(([name]) => name.toLowerCase() === wanted)?.[1].trim(),
    address: "127.0.0.1",
    isSecure: false,
    signal: new AbortController().signal,
    async body(maxBytes) {
      if (body.length > maxBytes) throw tooLarge();
      return body;
    },
  };
}

function tooLarge() {
  return new EntmootError("frame_too_large", "body: too large");
}
