import { existsSync } from "node:fs";

/**
 * The platforms a binary is built for, by Bun's target name, and the npm packages that hold the native parts.
 * Bun needs no `-baseline` choice: since 1.4 the x64 packages run on CPUs without AVX2 (the baseline packages
 * hold the same bytes). An Intel Mac has no iroh build.
 * @type {Readonly<Record<string, { readonly bun: string, readonly iroh: string | undefined }>>}
 */
export const TARGETS = {
  "bun-linux-x64": { bun: "@oven/bun-linux-x64", iroh: "@number0/iroh-linux-x64-gnu" },
  "bun-linux-x64-musl": { bun: "@oven/bun-linux-x64-musl", iroh: "@number0/iroh-linux-x64-musl" },
  "bun-linux-arm64": { bun: "@oven/bun-linux-aarch64", iroh: "@number0/iroh-linux-arm64-gnu" },
  "bun-linux-arm64-musl": { bun: "@oven/bun-linux-aarch64-musl", iroh: "@number0/iroh-linux-arm64-musl" },
  "bun-darwin-x64": { bun: "@oven/bun-darwin-x64", iroh: undefined },
  "bun-darwin-arm64": { bun: "@oven/bun-darwin-aarch64", iroh: "@number0/iroh-darwin-arm64" },
  "bun-windows-x64": { bun: "@oven/bun-windows-x64", iroh: "@number0/iroh-win32-x64-msvc" },
};

/**
 * The target this machine runs. Throws with the supported list when there is none.
 * @param {{ platform: string, arch: string, musl: boolean }} machine
 */
export function targetOf({ platform, arch, musl }) {
  const os = platform === "win32" ? "windows" : platform;
  const target = `bun-${os}-${arch}${os === "linux" && musl ? "-musl" : ""}`;
  if (Object.hasOwn(TARGETS, target)) return target;
  throw new Error(`this machine (${platform} ${arch}) is not supported; supported: ${Object.keys(TARGETS).join(", ")}`);
}

/** The target of the machine this runs on. */
export function hostTarget() {
  return targetOf({ platform: process.platform, arch: process.arch, musl: isMusl() });
}

/** Whether the C library is musl, as on Alpine. */
function isMusl() {
  if (process.platform !== "linux") return false;
  // Node's report names glibc's version when it runs on glibc; Bun has no report, so the loader's path decides there.
  if (!process.versions.bun && process.report) {
    Object.assign(process.report, { excludeNetwork: true }); // Otherwise it resolves names, which takes seconds offline.
    const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
    return report.header?.glibcVersionRuntime === undefined;
  }
  const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
  return existsSync("/etc/alpine-release") || existsSync(`/lib/ld-musl-${arch}.so.1`);
}
