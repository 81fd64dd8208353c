import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type { Endpoint } from "@number0/iroh";
import { isRelayUrl } from "../../core/admission/iroh-address.ts";
import { type Clock, later } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { AddressNotHere } from "../address-not-here.ts";
import { pause } from "../wait.ts";
import { ALPN } from "./iroh-dialer.ts";
import { nativeText } from "./iroh-errors.ts";
import { formatSocketAddress } from "./iroh-hints.ts";
import type { IrohLibrary } from "./iroh-library.ts";

export interface EndpointOptions {
  readonly clock: Clock;
  /** 32 bytes: the Ed25519 seed of the node's key, which becomes the endpoint's key. */
  readonly seed: Uint8Array;
  /** Addresses to bind; empty binds every interface. */
  readonly bind: readonly string[];
  /** UDP port for all of them; 0 chooses one that is free on each. */
  readonly port: number;
  readonly relay: "default" | "off" | readonly string[];
}

export interface BoundEndpoint {
  readonly endpoint: Endpoint;
  readonly port: number;
  /** Whether every interface is bound, so that the addresses iroh discovers may be told to others. */
  readonly everywhere: boolean;
  /** `ip:port` of each address that was asked for and could be had. */
  readonly sockets: readonly string[];
}

/** A family left unbound is bound to every interface by the engine, so it is given its loopback. */
function withBothFamilies(addresses: readonly string[]): readonly string[] {
  const has = (family: number) => addresses.some((address) => isIP(address) === family);
  return [...addresses, ...(has(4) ? [] : ["127.0.0.1"]), ...(has(6) ? [] : ["::1"])];
}

/** Without `::1` the engine falls back to all of IPv6, which is harmless only where there is no IPv6 address. */
async function throwIfExposed(endpoint: Endpoint): Promise<void> {
  if (!endpoint.boundSockets().some((socket) => socket.startsWith("[::]:") || socket.startsWith("0.0.0.0:"))) return;
  const reachable = Object.values(networkInterfaces()).flat();
  if (!reachable.some((address) => address?.family === "IPv6" && !address.internal)) return;
  await endpoint.close();
  throw new EntmootError(
    "unavailable",
    'iroh: cannot keep IPv6 closed, because "::1" cannot be bound; enable IPv6 on the loopback interface',
  );
}

const ALL_INTERFACES = ["0.0.0.0", "::"];

/** Ours. Where ports are chosen: the range IANA leaves to no service. */
const PORT_FIRST = 49_152;
const PORT_LAST = 65_535;
const PORTS_TRIED_MAX = 32;

/** Ours. A port just closed is free again only moments later; this long is waited for, in milliseconds. */
const REBIND_WAIT_MS = 3_000;
const REBIND_PAUSE_MS = 50;

/**
 * Binds an endpoint without waiting for any network. Throws `invalid_argument` for a bad option, `unavailable` when
 * the port or address cannot be had.
 */
export async function bindEndpoint(iroh: IrohLibrary, options: EndpointOptions): Promise<BoundEndpoint> {
  checkOptions(options);
  const { clock } = options;
  const wanted = options.bind.length === 0 ? ALL_INTERFACES : options.bind;
  const everywhere = wanted.some((address) => ALL_INTERFACES.includes(address));
  let addresses = withBothFamilies(wanted);
  const giveUpAt = later(clock.steady(), REBIND_WAIT_MS);
  for (let tried = 1; ; tried += 1) {
    const port = options.port === 0 ? choosePort() : options.port;
    try {
      const endpoint = await bindOnce(iroh, options, addresses, port);
      if (!everywhere) await throwIfExposed(endpoint);
      const asked = wanted.filter((address) => addresses.includes(address));
      return { endpoint, port, everywhere, sockets: asked.map((address) => formatSocketAddress(address, port)) };
    } catch (error) {
      if (error instanceof EntmootError) throw error;
      const text = nativeText(error);
      if (isInUse(text)) {
        const isOver = options.port === 0 ? tried >= PORTS_TRIED_MAX : clock.steady() >= giveUpAt;
        if (isOver) throw portInUse(options.port, addresses, error);
        if (options.port !== 0) await letGoOfClosed(clock);
        continue;
      }
      // A machine or container without IPv6 still has its other addresses.
      const withoutV6 = addresses.filter((address) => isIP(address) === 4);
      const isOneLess = withoutV6.length > 0 && withoutV6.length < addresses.length;
      if (isNoSuchAddress(text) && !isOneLess) throw new AddressNotHere(notHere(wanted), { cause: error });
      if (!isNoSuchAddress(text)) {
        throw new EntmootError("unavailable", `iroh: cannot bind ${addresses.join(", ")} port ${port}: ${text}`, {
          cause: error,
        });
      }
      addresses = withoutV6;
    }
  }
}

/** An endpoint that this process closed keeps its socket until its last wrapper object is collected. */
async function letGoOfClosed(clock: Clock): Promise<void> {
  Bun.gc(true);
  await pause(clock, REBIND_PAUSE_MS);
}

async function bindOnce(
  iroh: IrohLibrary,
  options: EndpointOptions,
  addresses: readonly string[],
  port: number,
): Promise<Endpoint> {
  const builder = iroh.Endpoint.builder();
  // The other presets publish this node's addresses to a public directory and look peers up there.
  iroh.presetMinimal(builder);
  builder.secretKey(Array.from(options.seed));
  builder.alpns([Array.from(new TextEncoder().encode(ALPN))]);
  for (const address of addresses) builder.bindAddr(formatSocketAddress(address, port));
  builder.relayMode(relayMode(iroh, options.relay));
  return await builder.bind();
}

function relayMode(iroh: IrohLibrary, relay: EndpointOptions["relay"]) {
  if (relay === "off") return iroh.RelayMode.disabled();
  return relay === "default" ? iroh.RelayMode.defaultMode() : iroh.RelayMode.customFromUrls([...relay]);
}

function checkOptions({ seed, bind, port, relay }: EndpointOptions): void {
  if (seed.length !== 32) {
    throw new EntmootError("invalid_argument", `iroh: expected a seed of 32 bytes, got ${seed.length}`);
  }
  for (const address of bind) {
    if (isIP(address) === 0) {
      throw new EntmootError("invalid_argument", `iroh: expected an IP address to bind, got "${address}"`);
    }
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new EntmootError("invalid_argument", `iroh: expected a port from 0 to 65535, got ${port}`);
  }
  if (typeof relay === "string") return;
  for (const url of relay) {
    if (!isRelayUrl(url)) {
      throw new EntmootError(
        "invalid_argument",
        `iroh: expected "default", "off" or an https:// relay URL, got "${url}"`,
      );
    }
  }
}

function choosePort(): number {
  const [random = 0] = crypto.getRandomValues(new Uint16Array(1));
  return PORT_FIRST + (random % (PORT_LAST - PORT_FIRST + 1));
}

/** Those that no interface has, or all where that cannot be told. */
function notHere(addresses: readonly string[]): readonly string[] {
  const here = new Set(Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []));
  const missing = addresses.filter((address) => !here.has(address) && !ALL_INTERFACES.includes(address));
  return missing.length === 0 ? addresses : missing;
}

function isInUse(text: string): boolean {
  return /in use|os error (98|48|10048)\b/i.test(text);
}

function isNoSuchAddress(text: string): boolean {
  return /cannot assign|can't assign|not supported|not valid in its context|os error (99|97|49|47|10049|10047)\b/i.test(
    text,
  );
}

function portInUse(port: number, addresses: readonly string[], cause: unknown): EntmootError {
  const what = port === 0 ? `no free UDP port found after ${PORTS_TRIED_MAX} tries` : `UDP port ${port} is in use`;
  return new EntmootError(
    "unavailable",
    `iroh: ${what} on ${addresses.join(", ")}; stop the other program or choose another port with "-iroh-port"`,
    { cause },
  );
}
