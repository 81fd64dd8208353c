import type { NodeEndpoint } from "./records.ts";

/** Wire. Networks a transport ad may name; one other makes every peer drop the whole ad. */
const NETWORKS: ReadonlySet<string> = new Set(["tcp", "udp", "turn"]);

const PORT_MAX = 65_535;
const PORT = /^\+?[0-9]+$/;

/** True when every peer takes the endpoint: a known network, and an address `host:port` or `[ipv6]:port`. */
export function isEndpointValid({ network, addr }: NodeEndpoint): boolean {
  return NETWORKS.has(network) && splitAddress(addr) !== undefined;
}

/**
 * Host, without brackets, and port of an address; `undefined` when peers would refuse it. The split
 * is at the last colon; a host in brackets may hold colons. The host is not looked at beyond that.
 */
export function splitAddress(addr: string): { readonly host: string; readonly port: number } | undefined {
  const colon = addr.lastIndexOf(":");
  if (colon < 0) return undefined;
  const host = hostOf(addr.slice(0, colon));
  const digits = addr.slice(colon + 1);
  const port = Number(digits);
  if (host === undefined || !PORT.test(digits) || port < 1 || port > PORT_MAX) return undefined;
  return { host, port };
}

function hostOf(text: string): string | undefined {
  const isBracketed = text.startsWith("[") && text.endsWith("]");
  const host = isBracketed ? text.slice(1, -1) : text;
  const forbidden = isBracketed ? /[[\]]/ : /[:[\]]/;
  return host === "" || forbidden.test(host) ? undefined : host;
}
