/** One line of the table in `release.ts`. */
export interface ReleaseTarget {
  /** What `--targets` takes and archives are named for. */
  readonly name: string;
  /** Bun's name of it. */
  readonly bun: string;
  readonly os: "linux" | "darwin" | "windows";
  readonly arch: "amd64" | "arm64";
  readonly libc: "glibc" | "musl" | "";
  readonly experimental?: boolean;
}

/** The archive of a target in a feed. */
export function archiveName({ name, os }: ReleaseTarget): string {
  return `entmoot-${name}.${os === "windows" ? "zip" : "tar.gz"}`;
}

/** The executable inside it. */
export function binaryName({ os }: ReleaseTarget): "entmootd" | "entmootd.exe" {
  return os === "windows" ? "entmootd.exe" : "entmootd";
}
