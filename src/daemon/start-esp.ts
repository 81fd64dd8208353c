import { EntmootError } from "../core/errors.ts";
import { readTextAtMost } from "../files/read-at-most.ts";
import { HttpServer } from "../host/http-server.ts";
import { createLog, type Log } from "../host/log.ts";
import { realClock } from "../host/real-clock.ts";
import { Gate } from "../http/authenticate.ts";
import { HttpService } from "../http/http-service.ts";
import { NonceBook } from "../http/nonce-book.ts";
import type { ServiceNode } from "../http/route.ts";
import { resumeAbandoned } from "../http/sign-requests.ts";
import { DeviceRegistry } from "../store/device-registry.ts";
import { createPrivateDirectory, fileFailure } from "../store/private-files.ts";
import { SqliteEsp } from "../store/sqlite/sqlite-esp.ts";
import type { EspOptions } from "./esp-options.ts";
import { LazyPush, readApnsKey } from "./lazy-push.ts";
import type { GlobalOptions } from "./options.ts";
import { NodeBeside } from "./service-node.ts";

/** Ours. A certificate with its chain, and a key. */
const PEM_BYTES_MAX = 1024 * 1024;

/** The HTTP service, listening. Disposing it ends it cleanly, within some seconds. */
export interface Esp extends AsyncDisposable {
  /** `http://127.0.0.1:8087`. */
  readonly url: string;
}

/** As a process of its own, beside a daemon or without one. Throws as `startEsp`. */
export async function startEspBeside(options: GlobalOptions, esp: EspOptions): Promise<Esp> {
  createPrivateDirectory(options.dataDir);
  await using parts = new AsyncDisposableStack();
  const node = parts.use(new NodeBeside(options));
  const service = parts.use(await startEsp(options, esp, { node, log: createLog(options.logLevel) }));
  const running = parts.move();
  return { url: service.url, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/**
 * Listens for `node`. Throws `invalid_argument` where the registry, certificate or a key is missing or no such thing, `unavailable` where
 * the address cannot be had.
 */
export async function startEsp(
  { dataDir }: GlobalOptions,
  options: EspOptions,
  { log, node }: { readonly node: ServiceNode; readonly log: Log },
): Promise<Esp> {
  const { allowedHosts, hostname, isLoopback, mode, perMinute, port, token } = options;
  const tls = options.tls && { cert: readPem(options.tls.certPath), key: readPem(options.tls.keyPath) };
  await using parts = new AsyncDisposableStack();
  const registry = mode === "bearer" ? undefined : requireRegistry(options.deviceKeysPath, log);
  const esp = parts.use(new SqliteEsp(dataDir));
  const clock = realClock;
  const gate = new Gate({ mode, token, registry, clock, nonces: new NonceBook({ store: esp.nonces, clock, log }) });
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  // In the mode bearer there are no devices, but what is wrong is said.
  const { apns } = options;
  if (apns !== undefined && registry === undefined) readApnsKey(apns.keyPath);
  const push = apns && registry && parts.use(new LazyPush({ dataDir, apns, node, esp, registry, clock, log }));
  const context = { node, esp, push, registry, mode, clock, log, random };
  const service = new HttpService({ context, gate, perMinute, hosts: { isLoopback, allowed: allowedHosts } });
  const server = parts.use(await HttpServer.start({ hostname, port, tls, answer: service.answer, clock, log }));
  // What was signed and not carried out when the last process ended. Nobody waits for it.
  void resumeAbandoned(context).catch((error: unknown) => log.error("http: sign requests are not taken up", error));
  const running = parts.move();
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `${tls === undefined ? "http" : "https"}://${host}:${server.port}`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function requireRegistry(path: string, log: Log): DeviceRegistry {
  const registry = new DeviceRegistry(path, (fault) => log.error("http: the device registry is left as it was", fault));
  try {
    registry.require();
    return registry;
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    const next = 'make one with "entmootd esp device add"';
    throw new EntmootError("invalid_argument", `device registry: ${cause.message}; ${next}`, { cause });
  }
}

function readPem(path: string): string {
  try {
    const text = readTextAtMost(path, PEM_BYTES_MAX);
    if (text?.includes("-----BEGIN ")) return text;
  } catch (error) {
    const failure = fileFailure(error, path);
    const why = failure instanceof EntmootError ? failure.message : `${path}: cannot be read`;
    throw new EntmootError("invalid_argument", why, { cause: error });
  }
  throw new EntmootError("invalid_argument", `${path}: expected a PEM file`);
}
