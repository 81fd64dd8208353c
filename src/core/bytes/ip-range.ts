import { isIpv4, isIpv6 } from "./ip-address.ts";

/** What kind of place an address is: this machine, its own network, or one that the whole internet means by it. */
export type IpRange = "loopback" | "private" | "public";

/** Blocks that are nobody's in the internet (RFC 6890), with the bits that count. */
const LOOPBACK_4: readonly (readonly [prefix: string, bits: number])[] = [["127.0.0.0", 8]];
const PRIVATE_4: readonly (readonly [prefix: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
];

/** The range of an IPv4 or IPv6 address, without brackets or zone; `undefined` for what is none. */
export function ipRange(address: string): IpRange | undefined {
  if (isIpv4(address)) return range4(bitsOf4(address));
  return isIpv6(address) ? range6(groupsOf6(address)) : undefined;
}

function range4(bits: number): IpRange {
  const isIn = ([prefix, length]: readonly [string, number]) =>
    Math.floor(bits / 2 ** (32 - length)) === Math.floor(bitsOf4(prefix) / 2 ** (32 - length));
  if (LOOPBACK_4.some(isIn)) return "loopback";
  return PRIVATE_4.some(isIn) ? "private" : "public";
}

function range6(groups: readonly number[]): IpRange {
  const [first, second] = groups as [number, number];
  const last4 = groups[6]! * 0x1_0000 + groups[7]!;
  const startsWith = (...wanted: number[]) => wanted.every((group, at) => groups[at] === group);
  // IPv4 within: mapped and compatible, translated (NAT64), and 6to4.
  if (startsWith(0, 0, 0, 0, 0, 0xffff)) return range4(last4);
  if (startsWith(0, 0, 0, 0, 0, 0)) return last4 === 1 ? "loopback" : range4(last4);
  if (startsWith(0x64, 0xff9b)) return second === 0xff9b && groups[2] === 0 ? range4(last4) : "private";
  if (first === 0x2002) return range4(second * 0x1_0000 + groups[2]!);
  // What is not given out by anybody is no place in the internet: unique local, link and site local, multicast.
  return first >= 0x2000 && first <= 0x3fff ? "public" : "private";
}

function bitsOf4(address: string): number {
  return address.split(".").reduce((bits, octet) => bits * 256 + Number(octet), 0);
}

/** The eight groups of a valid IPv6 address. */
function groupsOf6(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const groups = (half: string) =>
    half === ""
      ? []
      : half.split(":").flatMap((part) => {
          if (!part.includes(".")) return [Number.parseInt(part, 16)];
          const bits = bitsOf4(part);
          return [Math.floor(bits / 0x1_0000), bits % 0x1_0000];
        });
  const [before, after] = [groups(head), tail === undefined ? [] : groups(tail)];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}
