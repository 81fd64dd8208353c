export interface IrohPackage {
  /** The npm package. */
  readonly name: string;
  /** The native library inside it. */
  readonly file: string;
}

/** Which builds `@number0/iroh` 1.1.0 publishes, by platform, processor and, on Linux, C library. None for Intel Macs. */
const BUILDS: Readonly<Record<string, string>> = {
  "linux-x64-glibc": "linux-x64-gnu",
  "linux-x64-musl": "linux-x64-musl",
  "linux-arm64-glibc": "linux-arm64-gnu",
  "linux-arm64-musl": "linux-arm64-musl",
  "darwin-arm64": "darwin-arm64",
  "win32-x64": "win32-x64-msvc",
  "win32-arm64": "win32-arm64-msvc",
};

/** The package for a machine in Node's words (`linux`, `x64`); `undefined` where none is published. */
export function irohPackage(platform: string, arch: string, libc: "glibc" | "musl"): IrohPackage | undefined {
  const build = BUILDS[platform === "linux" ? `linux-${arch}-${libc}` : `${platform}-${arch}`];
  return build === undefined ? undefined : { name: `@number0/iroh-${build}`, file: `iroh.${build}.node` };
}
