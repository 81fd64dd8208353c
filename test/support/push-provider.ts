import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** One push as it came. */
export interface SeenPush {
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** Which connection it came over, from 1. */
  readonly connection: number;
}

/** What a provider does with a push: answers, says nothing, ends the connection, or says that it goes away. */
export type ProviderDeed =
  | { readonly status: number; readonly reason?: string; readonly headers?: Readonly<Record<string, string>> }
  | "silence"
  | "death"
  | "goaway";

/** A key as Apple gives it. */
export function providerKey() {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** A push service over HTTP/2 and TLS on a real loopback port. */
export class PushProvider implements AsyncDisposable {
  readonly seen: SeenPush[] = [];
  /** What it does next; afterwards it takes everything. */
  readonly deeds: ProviderDeed[] = [];
  /** The most that were under way at once. */
  most = 0;
  readonly certPath: string;
  readonly #home = new TemporaryDirectory();
  readonly #server: ReturnType<typeof createSecureServer>;
  readonly #sessions = new Set<ServerHttp2Session>();
  #connections = 0;
  #open = 0;
  #waiting: (() => void)[] = [];

  private constructor() {
    this.certPath = join(this.#home.path, "cert.pem");
    const key = join(this.#home.path, "key.pem");
    const made = Bun.spawnSync(
      ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key]
        .concat(["-out", this.certPath, "-days", "30", "-subj", "/CN=localhost"])
        .concat(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]),
      { stderr: "ignore" },
    );
    if (made.exitCode !== 0) throw new Error("openssl made no certificate");
    this.#server = createSecureServer({ key: readFileSync(key), cert: readFileSync(this.certPath) });
    this.#server.on("session", (session) => {
      const connection = ++this.#connections;
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
      session.on("error", () => {});
      session.on("stream", (stream, headers) => this.#take({ session, stream, headers, connection }));
    });
    this.#server.on("sessionError", () => {});
  }

  static async start(): Promise<PushProvider> {
    const provider = new PushProvider();
    await new Promise<void>((resolve) => provider.#server.listen(0, "127.0.0.1", resolve));
    return provider;
  }

  get origin(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  get cert(): string {
    return readFileSync(this.certPath, "utf8");
  }

  /** Resolves once it saw so many. */
  async saw(count: number): Promise<void> {
    while (this.seen.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#home[Symbol.dispose]();
  }

  #take({ connection, headers, session, stream }: Taken): void {
    this.most = Math.max(this.most, ++this.#open);
    let body = "";
    stream.setEncoding("utf8");
    stream.on("error", () => {});
    stream.on("close", () => this.#open--);
    stream.on("data", (piece: string) => {
      body += piece;
    });
    stream.on("end", () => {
      this.seen.push({ path: String(headers[":path"]), headers, body, connection });
      this.#do(stream, session);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  #do(stream: ServerHttp2Stream, session: ServerHttp2Session): void {
    const deed = this.deeds.shift() ?? { status: 200 };
    if (deed === "silence") return;
    if (deed === "death") {
      session.destroy();
      return;
    }
    if (deed === "goaway") {
      session.goaway(0);
      stream.respond({ ":status": 200, "apns-id": "gone" });
      stream.end();
      return;
    }
    stream.respond({ ":status": deed.status, "apns-id": `id-${this.seen.length}`, ...deed.headers });
    stream.end(deed.reason === undefined ? "" : JSON.stringify({ reason: deed.reason }));
  }
}

interface Taken {
  readonly session: ServerHttp2Session;
  readonly stream: ServerHttp2Stream;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly connection: number;
}
