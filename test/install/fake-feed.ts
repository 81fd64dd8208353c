import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { gzipSync } from "node:zlib";
import { BINARY } from "../support/binary.ts";

const ARCH = process.arch === "arm64" ? "arm64" : "amd64";
const OS = process.platform === "darwin" ? "darwin" : "linux";

/** A key that signs releases, in the forms the script and the feed want. */
export class ReleaseKey {
  readonly #secret: KeyObject;
  /** Base64 of the 32 bytes. */
  readonly publicKey: string;
  readonly id: string;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
    this.#secret = privateKey;
    this.publicKey = raw.toString("base64");
    this.id = sha256(raw).slice(0, 16);
  }

  /** The line of `manifest.json.sig`. */
  line(bytes: Uint8Array): string {
    return `${this.id} ${sign(null, bytes, this.#secret).toString("base64")}\n`;
  }
}

/**
 * What stands in for the executable: it tells its version, and of a daemon what its environment says. With `locks` it
 * holds the lock as the real one does.
 */
export function fakeBinary(version: string, body = "", locks = BINARY): Buffer {
  return Buffer.from(`#!/bin/sh
${body}
for word in "$@"; do
  case $word in
  update-lock) [ -x '${locks}' ] && exec '${locks}' "$@"; exit 5 ;;
  version) printf '{"version":"${version}","commit":"abc","date":"2026-01-01T00:00:00Z"}\\n'; exit 0 ;;
  stop) exit "\${FAKE_STOP_STATUS:-6}" ;;
  esac
done
printf '%s\\n' "$@"
`);
}

export interface ReleaseOptions {
  readonly version?: string;
  readonly serial?: number;
  readonly expiresAtMs?: number;
  readonly binary?: Uint8Array;
  /** Changes what the manifest says before it is signed. */
  readonly edit?: (manifest: { files: Record<string, unknown>[] } & Record<string, unknown>) => void;
  /** Who signs; nobody when empty. */
  readonly keys?: readonly ReleaseKey[];
  /** The files of the archive instead of the usual ones. */
  readonly entries?: readonly TarEntry[];
  /** Folder in the feed, with a slash at its end. */
  readonly folder?: string;
}

/** Static files on a port of loopback, as any web server would give them out. */
export class FakeFeed implements Disposable {
  readonly key = new ReleaseKey();
  readonly files = new Map<string, Uint8Array | (() => Response)>();
  /** The paths that were asked for, in order. */
  readonly asked: string[] = [];
  readonly #server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const path = new URL(request.url).pathname;
      this.asked.push(path);
      const file = this.files.get(path);
      if (file === undefined) return new Response("not here\n", { status: 404 });
      return file instanceof Uint8Array ? new Response(file as Uint8Array<ArrayBuffer>) : file();
    },
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/`;
  }

  get archive(): string {
    return `/entmoot-${OS}-${ARCH}.tar.gz`;
  }

  /** Puts a release into the feed, laid out as the release run does. */
  publish(options: ReleaseOptions = {}): void {
    const version = options.version ?? "v1.0.0";
    const binary = options.binary ?? fakeBinary(version);
    const entries = options.entries ?? [
      { name: "README.md", body: Buffer.from("read me\n") },
      { name: "entmootd", body: binary },
      { name: "LICENSE", body: Buffer.from("licence\n") },
    ];
    const archive = gzipSync(tar(entries), { level: 1 });
    const head = {
      type: "entmoot.release.v1",
      version,
      serial: options.serial ?? 1_700_000_000_000,
      commit: "0123456789abcdef0123456789abcdef01234567",
      date: "2026-01-01T00:00:00Z",
      expires_at_ms: options.expiresAtMs ?? Date.now() + 86_400_000,
    };
    const libcs = OS === "linux" ? ["glibc", "musl"] : [""];
    const files = libcs.map(
      (libc): Record<string, unknown> => ({
        name: `entmoot-${OS}-${ARCH}${libc === "musl" ? "-musl" : ""}.tar.gz`,
        os: OS,
        arch: ARCH,
        libc,
        size: archive.length,
        sha256: sha256(archive),
        binary: { name: "entmootd", size: binary.length, sha256: sha256(binary) },
        iroh: true,
        verified: "run",
        experimental: false,
        code_signature: "",
      }),
    );
    const manifest = { ...head, files };
    options.edit?.(manifest);
    const { files: rows, ...rest } = manifest;
    const text = `${JSON.stringify(rest).slice(0, -1)},"files":[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]}\n`;
    const bytes = Buffer.from(text);
    const folder = `/${options.folder ?? ""}`;
    this.files.set(`${folder}manifest.json`, bytes);
    this.files.set(
      `${folder}manifest.json.sig`,
      Buffer.from((options.keys ?? [this.key]).map((key) => key.line(bytes)).join("")),
    );
    for (const { name } of files) this.files.set(`${folder}${name}`, archive);
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
  }
}

export interface TarEntry {
  readonly name: string;
  readonly body: Uint8Array;
  /** The type flag; a plain file by default. */
  readonly type?: string;
  readonly link?: string;
}

/** A ustar archive of exactly these entries, harmful ones included. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, body, type = "0", link = "" }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write("0000755\0", 100);
    header.write("0000000\0", 108);
    header.write("0000000\0", 116);
    header.write(`${body.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("00000000000\0", 136);
    header.write("        ", 148);
    header.write(type, 156);
    header.write(link, 157, 100);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
