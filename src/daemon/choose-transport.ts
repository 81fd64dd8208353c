import { availableParallelism } from "node:os";
import { join } from "node:path";
import { durationText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import type { Log } from "../host/log.ts";
import { threadsLeft } from "../host/thread-room.ts";
import { canOpen } from "../store/descriptors.ts";
import type { NodeStore } from "../store/node-store.ts";
import { OutOfFiles } from "../store/store-failures.ts";
import { AddressNotHere } from "../transport/address-not-here.ts";
import type { IrohTransport } from "../transport/iroh/iroh-transport.ts";
import { atMost } from "../transport/wait.ts";
import type { GlobalOptions } from "./options.ts";

/** Setting of the data root: the UDP port, chosen once and kept so that peers find this node again. */
const PORT_SETTING = "iroh_port";

/** Ours. Sockets and event queues that iroh opens at its start, and one more. */
const CARRIER_FILES = 9;

/** What iroh's library starts: one for each processor in each of its two runtimes. */
const CARRIER_THREADS_PER_PROCESSOR = 2;

/** Those of the runtime that come later: to compile, to collect garbage. */
const OWN_THREADS = 4;

/** Ours. It takes a part of a second; where its library gets no thread, it waits for ever. */
const START_MS = 30_000;

export interface ChosenTransport {
  readonly transport: IrohTransport;
  /** Why this carrier, for `info`. */
  readonly reason: string;
  readonly port: number;
}

/**
 * Throws `unsupported` for a carrier this version does not have and for `-hide-ip`, which iroh cannot promise;
 * `invalid_argument` for one that reaches nobody. Asked before anything is made in the data root.
 */
export function requireCarrier({ transport, hideIp }: GlobalOptions): void {
  if (transport === "pilot") {
    throw new EntmootError(
      "unsupported",
      "-transport pilot: not in this version; use -transport iroh, which needs nothing else installed",
    );
  }
  if (transport === "memory") {
    throw new EntmootError(
      "invalid_argument",
      "-transport memory: reaches nobody outside one process; use auto or iroh",
    );
  }
  if (hideIp) {
    throw new EntmootError(
      "unsupported",
      "-hide-ip: iroh peers learn each other's addresses, so this cannot be kept; start without it, or behind a network that hides the address",
    );
  }
}

export interface TransportNeeds {
  readonly clock: Clock;
  readonly identity: Identity;
  readonly settings: NodeStore;
  readonly log: Log;
}

/** iroh's library ends the whole process where it gets no thread, or waits for one without end. */
function requireThreads(): void {
  const needed = CARRIER_THREADS_PER_PROCESSOR * availableParallelism() + OWN_THREADS;
  const left = threadsLeft();
  if (left === undefined || left >= needed) return;
  throw new EntmootError(
    "unavailable",
    `iroh: expected room for ${needed} threads, found room for ${left}; raise the limit of processes of this user ("ulimit -u") or of the container, then try again`,
  );
}

/** Starts the carrier that the flags ask for, which `requireCarrier` has let pass. Throws `unavailable` when it cannot be started. */
export async function startTransport(
  options: GlobalOptions,
  { clock, identity, settings, log }: TransportNeeds,
): Promise<ChosenTransport> {
  // Only a daemon pays for the native library.
  const { IrohTransport } = await import("../transport/iroh/iroh-transport.ts");
  // Its native library ends the whole process where it gets none.
  if (!canOpen(CARRIER_FILES)) throw new OutOfFiles("iroh");
  requireThreads();
  const libraryDir = join(options.dataDir, "lib");
  const start = async (port: number) => {
    const starting = IrohTransport.start({
      clock,
      libraryDir,
      seed: identity.seed,
      bind: options.irohBind,
      port,
      relay: options.relay.kind === "urls" ? options.relay.urls : options.relay.kind,
    });
    const started = await atMost(clock, START_MS, starting);
    if (started === undefined) {
      throw new EntmootError(
        "timeout",
        `iroh: not started within ${durationText(START_MS)}, as where no thread can be made; raise the limits of this process ("ulimit -u"), then try again`,
      );
    }
    return started;
  };
  const reason = options.transport === "auto" ? "auto: iroh needs nothing else installed" : "asked for by -transport";
  if (options.irohPort !== undefined) {
    const transport = await start(options.irohPort);
    return { transport, reason, port: transport.boundPort() };
  }
  const kept = keptPort(settings);
  let transport: IrohTransport;
  try {
    transport = await start(kept);
  } catch (error) {
    if (
      kept === 0 ||
      error instanceof AddressNotHere ||
      !(error instanceof EntmootError && error.code === "unavailable")
    )
      throw error;
    log.warn(`UDP port ${kept}, kept from earlier, cannot be had; another one is chosen`, error);
    transport = await start(0);
  }
  keepPort(settings, transport.boundPort(), log);
  return { transport, reason, port: transport.boundPort() };
}

/** A node that starts on a full disk does so all the same. */
function keepPort(settings: NodeStore, port: number, log: Log): void {
  if (port === keptPort(settings)) return;
  try {
    settings.setSetting(PORT_SETTING, String(port));
  } catch (error) {
    if (!(error instanceof EntmootError && error.code === "disk_full")) throw error;
    log.warn(`UDP port ${port} cannot be kept for the next start`, error);
  }
}

function keptPort(settings: NodeStore): number {
  const port = Number(settings.getSetting(PORT_SETTING) ?? 0);
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : 0;
}
