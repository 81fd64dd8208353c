import { platformOfBinary } from "../../src/update/platform.ts";
import { BINARY } from "../support/binary.ts";
import {
  FeedServer,
  feedFiles,
  type LooseManifest,
  ReleaseKey,
  type ReleaseOptions,
  releaseName,
} from "../support/release-feed.ts";

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

export interface FakeReleaseOptions extends Omit<Partial<ReleaseOptions>, "seed"> {
  /** Who signs; nobody when empty. */
  readonly keys?: readonly ReleaseKey[];
  /** Folder in the feed, with a slash at its end. */
  readonly folder?: string;
}

const HERE = platformOfBinary(process.execPath);
const LIBCS = HERE.os === "linux" ? (["glibc", "musl"] as const) : ([""] as const);

/** A feed with a key of its own, into which releases of fake binaries are put. */
export class FakeFeed extends FeedServer implements Disposable {
  readonly key = new ReleaseKey();

  constructor() {
    super(new Map());
  }

  /** The name of the archive for this machine. */
  get archive(): string {
    return releaseName(HERE);
  }

  /** Puts a release into the feed, for both C libraries where there are two. */
  publish(options: FakeReleaseOptions = {}): void {
    const { version = "v1.0.0", serial = 1_700_000_000_000, keys = [this.key], folder = "", ...rest } = options;
    const binary = options.binary ?? fakeBinary(version);
    const rows = LIBCS.map((libc) => ({ libc, name: releaseName({ ...HERE, libc }) }));
    const edit = (manifest: LooseManifest) => {
      manifest.files = rows.map((row) => ({ ...manifest.files[0], ...row }));
      options.edit?.(manifest);
    };
    const files = feedFiles({ ...rest, version, serial, binary, edit });
    const manifest = files.get("manifest.json")!;
    const archive = files.get(this.archive)!;
    for (const { name } of rows) files.set(name, archive);
    files.set("manifest.json.sig", Buffer.from(keys.map((key) => key.line(manifest)).join("")));
    for (const [name, bytes] of files) this.files.set(`${folder}${name}`, bytes);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
