import { gzipSync } from "node:zlib";
import { publicKeyOf } from "../../src/core/signature.ts";
import { platformOfBinary } from "../../src/update/platform.ts";
import {
  formatManifest,
  type ReleaseFile,
  type ReleaseManifest,
  releaseKeyId,
  signManifest,
} from "../../src/update/release-manifest.ts";

/** A release key for tests, and one that nobody trusts. */
export const RELEASE_SEED = new Uint8Array(32).fill(77);
export const STRANGER_SEED = new Uint8Array(32).fill(78);
export const RELEASE_KEY = publicKeyOf(RELEASE_SEED).toBase64();

/** A key that signs releases, in the forms a feed and those who check it want. */
export class ReleaseKey {
  readonly #seed: Uint8Array;
  /** Base64 of the 32 bytes. */
  readonly publicKey: string;
  readonly id: string;

  constructor(seed: Uint8Array = crypto.getRandomValues(new Uint8Array(32))) {
    this.#seed = seed;
    this.publicKey = publicKeyOf(seed).toBase64();
    this.id = releaseKeyId(this.publicKey);
  }

  /** The line of `manifest.json.sig`. */
  line(bytes: Uint8Array): string {
    return signManifest(bytes, this.#seed);
  }
}

export interface TarFile {
  readonly name: string;
  readonly content: Uint8Array;
  /** The type flag of the header; a plain file when absent. */
  readonly kind?: string;
  readonly link?: string;
}

/** A ustar archive of `files`, in the form of gzip and stored as it is: packing a whole program takes a second. */
export function archiveOf(files: readonly TarFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { name, content, kind = "0", link = "" } of files) {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100, "latin1");
    header.write("0000755\0", 100);
    header.write("0000000\0", 108);
    header.write("0000000\0", 116);
    header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("00000000000\0", 136);
    header.write("        ", 148);
    header.write(kind, 156, 1, "latin1");
    header.write(link, 157, 100, "latin1");
    header.write("ustar\x0000", 257, "latin1");
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    parts.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  parts.push(Buffer.alloc(1024));
  return new Uint8Array(gzipSync(Buffer.concat(parts), { level: 0 }));
}

export function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

export interface ReleaseOptions {
  readonly version: string;
  readonly binary: Uint8Array;
  readonly serial?: number;
  readonly expiresAtMs?: number;
  readonly seed?: Uint8Array;
  /** What is in the archive besides, or instead. */
  readonly files?: (binary: TarFile) => readonly TarFile[];
  /** What the manifest says otherwise than is true. */
  readonly file?: Partial<ReleaseFile>;
  /** Changes what the manifest says before it is signed, into what no release run would write. */
  readonly edit?: (manifest: LooseManifest) => void;
}

/** A manifest as a stranger may write one. */
export type LooseManifest = { files: Record<string, unknown>[] } & Record<string, unknown>;

/** The files of a feed for this machine, by name. */
export function feedFiles(options: ReleaseOptions): Map<string, Uint8Array> {
  const { version, binary, serial = 1000, expiresAtMs = Date.now() + 86_400_000, seed = RELEASE_SEED } = options;
  const inside: TarFile = { name: "entmootd", content: binary };
  const readme: TarFile = { name: "README.md", content: new TextEncoder().encode("read me\n") };
  const archive = archiveOf(options.files?.(inside) ?? [inside, readme]);
  const platform = platformOfBinary(process.execPath);
  const name = releaseName(platform);
  const manifest: ReleaseManifest = {
    type: "entmoot.release.v1",
    version,
    serial,
    commit: "0123456789abcdef0123456789abcdef01234567",
    date: "2026-01-02T03:04:05Z",
    expires_at_ms: expiresAtMs,
    files: [
      {
        name,
        ...platform,
        size: archive.length,
        sha256: sha256(archive),
        binary: { name: "entmootd", size: binary.length, sha256: sha256(binary) },
        iroh: true,
        verified: "run",
        experimental: false,
        code_signature: "",
        ...options.file,
      },
    ],
  };
  const bytes = new TextEncoder().encode(options.edit ? edited(manifest, options.edit) : formatManifest(manifest));
  return new Map([
    ["manifest.json", bytes],
    ["manifest.json.sig", new TextEncoder().encode(signManifest(bytes, seed))],
    [name, archive],
  ]);
}

/** What the release run names the archive for a machine. */
export function releaseName({ os, arch, libc }: Pick<ReleaseFile, "os" | "arch" | "libc">): string {
  return `entmoot-${os}-${arch}${libc === "musl" ? "-musl" : ""}.tar.gz`;
}

/** Laid out as `formatManifest` does it, and not judged. */
function edited(manifest: ReleaseManifest, edit: (manifest: LooseManifest) => void): string {
  const loose: LooseManifest = { ...manifest, files: manifest.files.map((file) => ({ ...file })) };
  edit(loose);
  const { files, ...head } = loose;
  const rows = files.map((file) => JSON.stringify(file)).join(",\n");
  return `${JSON.stringify(head).slice(0, -1)},"files":[\n${rows}\n]}\n`;
}

/** The name of the archive in a feed. */
export function archiveName(files: ReadonlyMap<string, unknown>): string {
  return [...files.keys()].find((name) => name.endsWith(".tar.gz"))!;
}

/** What a server has at a path: bytes, or an answer made anew each time. */
export type ServedFile = Uint8Array | (() => Response);

/** A static web server on loopback; `answer` may answer before it, or not. Counts what is asked of it. */
export class FeedServer implements AsyncDisposable {
  /** By path, without the slash at its beginning. */
  files: Map<string, ServedFile>;
  readonly asked: string[] = [];
  readonly #server: Bun.Server<undefined>;

  constructor(
    files: Map<string, ServedFile>,
    answer: (path: string, request: Request) => Response | undefined | Promise<Response | undefined> = () => undefined,
  ) {
    this.files = files;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      fetch: async (request) => {
        const path = decodeURIComponent(new URL(request.url).pathname.slice(1));
        const range = request.headers.get("range");
        this.asked.push(range === null ? path : `${path} ${range}`);
        return (await answer(path, request)) ?? this.#file(path, range);
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/`;
  }

  #file(path: string, range: string | null): Response {
    const bytes = this.files.get(path);
    if (bytes === undefined) return new Response("not here", { status: 404 });
    if (typeof bytes === "function") return bytes();
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    if (from === 0) return new Response(bytes as Uint8Array<ArrayBuffer>);
    return new Response(bytes.subarray(from) as Uint8Array<ArrayBuffer>, {
      status: 206,
      headers: { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` },
    });
  }

  /** Ends it and every connection to it. */
  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
