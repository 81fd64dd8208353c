import { networkInterfaces } from "node:os";

/** Set for a process that runs in a network namespace with nothing but loopback. */
const MARKER = "ENTMOOT_TEST_NETNS";

/** Loopback comes up with whichever tool the machine has; then the program takes over the process. */
const BRING_UP = 'ip link set lo up 2>/dev/null || ifconfig lo 127.0.0.1 up 2>/dev/null || exit 97; exec "$@"';

/**
 * Why namespaces: iroh's port mapper asks the local network for UPnP gateways by multicast, whatever address it is
 * bound to. In a namespace of its own nothing a program sends can leave it.
 */
export const WHY = "iroh asks the local network for UPnP gateways by multicast even when it is bound to loopback";

/**
 * What to put before a command so that it runs in a network namespace of its own with only loopback up, and in a mount
 * namespace, where what it mounts is seen by nobody else and goes away with it; `undefined`
 * where that is not permitted or does not exist. The command takes over the process: signals and status are its own.
 */
export function isolatingCommand(): readonly string[] | undefined {
  if (process.platform !== "linux") return undefined;
  return [
    ["unshare", "-nm"], // As root.
    ["unshare", "-rnm"], // As anybody, where unprivileged user namespaces are permitted.
  ]
    .map((unshare) => [...unshare, "sh", "-c", BRING_UP, "sh"])
    .find((command) => {
      try {
        return Bun.spawnSync([...command, "true"], { stdout: "ignore", stderr: "ignore" }).success;
      } catch {
        return false; // No such tool.
      }
    });
}

/** `env` for what runs behind `isolatingCommand`, so that `isIsolated` holds there. */
export function isolatedEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return { ...env, [MARKER]: "1" };
}

/** Whether this process runs where nothing can leave the machine. Throws when it was told so and it is not true. */
export function isIsolated(): boolean {
  if (process.env[MARKER] !== "1") return false;
  const beyond = Object.keys(networkInterfaces()).filter((name) => name !== "lo");
  if (beyond.length > 0) throw new Error(`${MARKER}=1, but the namespace also has ${beyond.join(", ")}`);
  return true;
}

/**
 * For a script that opens iroh, as its first act: runs the script again in a namespace of its own and gives its exit
 * status. `undefined`: go on in this process, which is isolated already, or cannot be and has said so on stderr.
 */
export async function rerunIsolated(): Promise<number | undefined> {
  if (isIsolated()) return undefined;
  const isolating = isolatingCommand();
  if (isolating === undefined) {
    process.stderr.write(
      `note: this machine permits no network namespace (unshare), so this runs on its loopback. ${WHY}:\n` +
        "note: such packets may be seen on the local network. Nothing else leaves this machine.\n",
    );
    return undefined;
  }
  const run = Bun.spawn([...isolating, process.execPath, ...process.argv.slice(1)], {
    env: isolatedEnv(process.env),
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  const pass = (signal: NodeJS.Signals) => run.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, pass);
  try {
    return await run.exited;
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}
