import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { BunPlugin } from "bun";
import { type IrohPackage, irohPackage } from "../src/transport/iroh/iroh-packages.ts";

const PLATFORMS: Readonly<Record<string, string>> = { linux: "linux", darwin: "darwin", windows: "win32" };

/**
 * The native library that an executable for `target` (`bun-linux-x64`, `bun-linux-x64-musl`, with or without
 * `-baseline` or `-modern`) should carry; `undefined` where iroh has no build. Throws on a target it cannot read.
 */
export function irohPackageFor(target: string): IrohPackage | undefined {
  const [, system, arch, ...rest] = /^bun-(\w+)-(\w+?)((?:-\w+)*)$/.exec(target) ?? [];
  const platform = PLATFORMS[system ?? ""];
  if (platform === undefined || arch === undefined) {
    throw new Error(`build target: expected bun-<linux|darwin|windows>-<x64|arm64>[-musl], got ${target}`);
  }
  return irohPackage(platform, arch, rest.join("").split("-").includes("musl") ? "musl" : "glibc");
}

/**
 * A build plugin that puts iroh's library for `target` inside the executable, in place of the lookup that a run
 * from source does. Throws when the package exists but is not installed, naming the command that installs it.
 */
export function irohNativePlugin(target: string): BunPlugin {
  const wanted = irohPackageFor(target);
  const contents = wanted === undefined ? stub(target) : embedding(target, wanted);
  return {
    name: "iroh-native",
    setup(build) {
      let replaced = false;
      build.onLoad({ filter: /[\\/]src[\\/]transport[\\/]iroh[\\/]iroh-native\.ts$/ }, () => {
        replaced = true;
        return { contents, loader: "ts" };
      });
      // A build that failed has more to say than what it did not come to.
      build.onEnd(({ success }) => {
        if (success && !replaced && wanted !== undefined)
          throw new Error("src/transport/iroh/iroh-native.ts was not replaced: the executable would carry no iroh");
      });
    },
  };
}

function stub(target: string): string {
  return `export const irohNative = () => (${JSON.stringify({ kind: "none", target })});`;
}

function embedding(target: string, { name, file }: IrohPackage): string {
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(`${name}/${file}`);
  } catch {
    const version: string = createRequire(import.meta.url)("@number0/iroh/package.json").version;
    throw new Error(
      `${name} is not installed, and the build for ${target} carries its library; ` +
        `run: npm install --no-save --force ${name}@${version}`,
    );
  }
  const library = readFileSync(path);
  const facts = {
    kind: "embedded",
    target,
    sha256: createHash("sha256").update(library).digest("hex"),
    bytes: library.length,
  };
  return [
    `import path from ${JSON.stringify(path)} with { type: "file" };`,
    `export const irohNative = () => ({ ...${JSON.stringify(facts)}, path });`,
  ].join("\n");
}
