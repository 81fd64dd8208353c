import { encodeErrorAnswer } from "../../src/core/admission/open-invite-exchange.ts";
import { decodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../src/core/errors.ts";
import type { GroupId } from "../../src/core/ids.ts";
import type { ServedAnswer, ServedRequest } from "../../src/host/http-request.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { Gate } from "../../src/http/authenticate.ts";
import { HttpService } from "../../src/http/http-service.ts";
import { NonceBook } from "../../src/http/nonce-book.ts";
import type { Operations } from "../../src/node/operations/operation.ts";
import type { DirectoryStatus } from "../../src/store/esp-store.ts";
import { SqliteEsp } from "../../src/store/sqlite/sqlite-esp.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** One thing that was asked. */
export interface Asked {
  readonly method: string;
  /** As it was on the wire, escaped. */
  readonly path: string;
  readonly body: string;
}

/** No moot is here, and nothing comes. */
const NOTHING_LIVE = {
  groupIds: () => [],
  lastSeq: () => undefined,
  onNews: () => ({ [Symbol.dispose]() {} }),
};

/** The HTTP service itself, on a real loopback port of a test, which sees what is asked and may answer in its place. */
export class EspServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Answers in place of the service, when it gives something. */
  instead: ((asked: Asked) => Response | undefined | Promise<Response | undefined>) | undefined;
  readonly #server: Bun.Server<undefined>;
  readonly #home = new TemporaryDirectory();
  readonly #esp = new SqliteEsp(this.#home.path);
  readonly #service = this.#start();
  #node: Operations | undefined;

  constructor() {
    this.#server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#answer(request) });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** The node whose open invites it redeems. */
  serves(node: Operations): void {
    this.#node = node;
  }

  /** What an operator does. */
  setStatus(group: GroupId, status: DirectoryStatus): void {
    this.#esp.directory.setStatus(group, status, realClock.unix());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
    this.#esp[Symbol.dispose]();
    this.#home[Symbol.dispose]();
  }

  #start(): HttpService {
    const esp = this.#esp;
    const clock = realClock;
    const log = createLog("error");
    const writes = async () => {
      if (this.#node === undefined) throw new EntmootError("control_unavailable", "no daemon");
      return this.#node;
    };
    // Nothing is read of moots here.
    const reads = {
      call: () => Promise.reject(new EntmootError("unavailable", "nothing is read")),
      async [Symbol.asyncDispose]() {},
    };
    const node = {
      reads,
      writes,
      isWritable: async () => this.#node !== undefined,
      holds: () => false,
      ...NOTHING_LIVE,
    };
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    const context = { node, esp, registry: undefined, mode: "bearer", clock, log, random } as const;
    const nonces = new NonceBook({ store: esp.nonces, clock, log });
    const gate = new Gate({ mode: "bearer", token: "secret", registry: undefined, nonces, clock });
    return new HttpService({ context, gate, hosts: { isLoopback: true, allowed: new Set() }, perMinute: 0 });
  }

  async #answer(request: Request): Promise<Response> {
    const path = request.url.slice(this.url.length);
    const body = new Uint8Array(await request.arrayBuffer());
    const asked = { method: request.method, path, body: decodeUtf8(body) };
    this.asked.push(asked);
    const other = await this.instead?.(asked);
    return other ?? responseOf(await this.#service.answer(servedRequest(request, path, body)));
  }
}

function servedRequest(request: Request, target: string, body: Uint8Array): ServedRequest {
  return {
    method: request.method,
    target,
    header: (name) => request.headers.get(name) ?? undefined,
    address: "127.0.0.1",
    isSecure: false,
    signal: request.signal,
    async body(maxBytes) {
      if (body.length > maxBytes) throw new EntmootError("frame_too_large", "body: too large");
      return body;
    },
  };
}

function responseOf({ body, headers, status }: ServedAnswer): Response {
  if (typeof body === "function") throw new Error("a stream is not for this server");
  return new Response(body === undefined ? null : decodeUtf8(body), { status, headers: { ...headers } });
}

/** An error as the original's service answers it. */
export function failure(status: number, code: string, message: string): Response {
  const headers = { "Content-Type": "application/json" };
  return new Response(decodeUtf8(encodeErrorAnswer(code, message)), { status, headers });
}
