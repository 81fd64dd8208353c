/**
 * `npm run hosts [-- OPTIONS] [HOST…]`: the agents that tests run against, as their makers publish them. They are no
 * part of the product and never in its package.json.
 */
import { asksForHelp } from "./command-line.ts";
import { hostProgram, installHost } from "./hosts/install.ts";
import { pinNewest } from "./hosts/pin.ts";
import { HOSTS, type HostName, pinnedHost } from "./hosts/pinned.ts";

const USAGE = `usage: npm run hosts [-- OPTIONS] [HOST…]

Installs ${HOSTS.join(", ")} into .cache/hosts, some 1 GB on disk, checked
against the hashes in test/hosts/versions.json; what is there stays. Prints the program of each. Status 1 when one cannot
be had: its tests are skipped then, and fail with CI=true.

  --list   only print what is there; status 1 when something is missing
  --pin    write the newest versions and their hashes into test/hosts/versions.json, and install them

ENTMOOT_HOSTS_CACHE=FOLDER keeps them elsewhere, for several checkouts. ENTMOOT_HOST_CODEX=PROGRAM (and so for each)
takes that one instead.
`;

function readHosts(words: readonly string[]): readonly HostName[] {
  for (const word of words) {
    if (!(HOSTS as readonly string[]).includes(word)) {
      throw new Error(
        `expected --list, --pin or ${HOSTS.join(", ")}, found ${JSON.stringify(word)}; "npm run hosts -- --help" lists the options`,
      );
    }
  }
  return words.length === 0 ? HOSTS : (words as HostName[]);
}

const say = (line: string) => process.stderr.write(`hosts: ${line}\n`);

async function install(hosts: readonly HostName[], signal: AbortSignal): Promise<boolean> {
  let isWhole = true;
  for (const host of hosts) {
    try {
      await installHost(host, signal, say);
    } catch (error) {
      signal.throwIfAborted();
      say(`${(error as Error).message}`);
      isWhole = false;
    }
  }
  return isWhole;
}

async function main(argv: readonly string[]): Promise<number> {
  if (asksForHelp(argv)) {
    process.stdout.write(USAGE);
    return 0;
  }
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => abort.abort());
  const hosts = readHosts(argv.filter((word) => word !== "--list" && word !== "--pin"));
  if (argv.includes("--pin")) {
    for (const change of await pinNewest(hosts, abort.signal)) say(change);
    // The versions of this process are those from before.
    return await Bun.spawn([process.execPath, import.meta.path, ...hosts], { stdout: "inherit", stderr: "inherit" })
      .exited;
  }
  const isWhole = argv.includes("--list") || (await install(hosts, abort.signal));
  for (const host of hosts) {
    process.stdout.write(`${host} ${pinnedHost(host).version} ${hostProgram(host) ?? "(not installed)"}\n`);
  }
  return isWhole && hosts.every((host) => hostProgram(host) !== undefined) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}
