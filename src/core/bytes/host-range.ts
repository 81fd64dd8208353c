import { type IpRange, ipRange } from "./ip-range.ts";

/** Names that mean a place in one's own network wherever they are asked for (RFC 6761, 6762, 8375). */
const LOCAL_NAMES = /(^|\.)(local|internal|intranet|lan|home|corp|home\.arpa|localdomain)$/;

/**
 * What kind of place a URL's host means, as `URL.hostname` gives it. A name is judged as a name: to what it leads is known
 * only when it is asked for.
 */
export function hostRange(hostname: string): IpRange {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  const range = ipRange(name.replace(/^\[(.*)\]$/, "$1"));
  if (range !== undefined) return range;
  if (/(^|\.)localhost$/.test(name)) return "loopback";
  // One without a dot is completed by the resolver with the network's own domain.
  return !name.includes(".") || LOCAL_NAMES.test(name) ? "private" : "public";
}
