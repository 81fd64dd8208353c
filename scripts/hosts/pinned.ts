import { join, resolve } from "node:path";
import versions from "../../test/hosts/versions.json";
import { hostTarget } from "../launch/platform.mjs";

/** The agents' own programs that tests run, the screen they are looked at on, and the inspector of MCP servers. */
export type HostName = keyof typeof versions;
export const HOSTS = Object.keys(versions) as HostName[];

/** One npm package, with what the registry's own manifest gives as its hash. */
export interface PinnedPackage {
  readonly package: string;
  readonly version: string;
  readonly integrity: string;
}

export interface PinnedHost {
  readonly title: string;
  /** What a person installs; its own dependency for this platform holds the program. */
  readonly package: string;
  readonly version: string;
  /** By the names of `platformKey`, or `any`. */
  readonly platforms: Readonly<Record<string, PinnedPackage>>;
  /** The lock file beside the file of versions, for one that is not all in one package. */
  readonly lock?: string;
}

/** Where in its platform's package the program is; the names of operating systems and processors differ. */
const PROGRAM: Readonly<Record<HostName, string>> = {
  claude: "claude{,.exe}",
  codex: "vendor/*/bin/codex{,.exe}",
  opencode: "bin/opencode{,.exe}",
  screen: "lib-headless/xterm-headless.js",
  inspector: "clients/cli/build/index.js",
};

export function pinnedHost(host: HostName): PinnedHost {
  return versions[host];
}

/** The file that pins each package that `host` is made of; `undefined` for one that is a package alone. */
export function lockOf({ lock }: PinnedHost): string | undefined {
  return lock === undefined ? undefined : resolve(import.meta.dir, "../../test/hosts", lock);
}

/** `linux-x64`, `linux-arm64-musl`, `darwin-arm64`, `windows-x64`. */
export function platformKey(): string {
  return hostTarget().replace(/^bun-/, "");
}

/** What to install of `host` here; `undefined` where none was had for this platform. */
export function pinnedPackage(host: HostName): PinnedPackage | undefined {
  const { platforms } = pinnedHost(host);
  return platforms[platformKey()] ?? platforms[platformKey().replace(/-musl$/, "")] ?? platforms.any;
}

/** The program among what `npm` put into `folder`; `undefined` when it is not there. */
export function programIn(folder: string, host: HostName): string | undefined {
  const pinned = pinnedPackage(host);
  if (pinned === undefined) return undefined;
  const root = join(folder, "node_modules", pinned.package);
  const [found] = [...new Bun.Glob(PROGRAM[host]).scanSync({ cwd: root, throwErrorOnBrokenSymlink: false })];
  return found === undefined ? undefined : join(root, found);
}
