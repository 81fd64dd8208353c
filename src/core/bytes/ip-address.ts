/** Whether `text` is an IPv4 address: four numbers up to 255 without leading zeros. */
export function isIpv4(text: string): boolean {
  const octets = text.split(".");
  return octets.length === 4 && octets.every((octet) => /^(0|[1-9][0-9]{0,2})$/.test(octet) && Number(octet) <= 255);
}

/** Whether `text` is an IPv6 address (RFC 4291), without brackets or zone; the last 32 bits may be an IPv4 address. */
export function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.map(countGroups);
  if (groups.includes(undefined)) return false;
  // Only what ends the whole address may be written as IPv4.
  if (halves.length === 2 && halves[0]!.includes(".")) return false;
  const total = groups.reduce<number>((sum, count) => sum + count!, 0);
  return halves.length === 2 ? total <= 7 : total === 8;
}

/** 16-bit groups in text between `::`, or `undefined` when it is malformed. */
function countGroups(half: string): number | undefined {
  if (half === "") return 0;
  const parts = half.split(":");
  let count = 0;
  for (const [at, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) count++;
    else if (at === parts.length - 1 && isIpv4(part)) count += 2;
    else return undefined;
  }
  return count;
}
