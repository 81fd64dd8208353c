import { isIP } from "node:net";
import type { IncomingAddr } from "@number0/iroh";
import type { DialledFrom } from "../handshake-shares.ts";

/** Whose share a handshake counts against, by the address that has answered us, or the key its relay has proved. */
export function dialledFrom({ addr, description, endpointId, kind }: IncomingAddr): DialledFrom {
  if (kind === "relay") return { host: addr ?? kind, source: `${addr} ${endpointId}` };
  if (kind !== "ip" || addr === undefined) return { host: kind, source: `${kind} ${description ?? addr}` };
  const colon = addr.lastIndexOf(":");
  return { host: hostOf(addr.slice(0, colon).replace(/^\[|\]$/g, "")), source: addr };
}

/** Groups of 16 bits that name a network of IPv6: who has one address there has all of them. */
const NETWORK_GROUPS = 4;

function hostOf(address: string): string {
  const bare = address.split("%", 1)[0]!.toLowerCase();
  if (isIP(bare) !== 6) return bare;
  const mapped = /^::ffff:([0-9.]+)$/.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = bare.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups =
    tail === undefined
      ? left
      : [...left, ...new Array(Math.max(0, 8 - left.length - right.length)).fill("0"), ...right];
  return `${groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
