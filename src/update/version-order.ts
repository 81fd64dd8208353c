/** A release tag, read as Semantic Versioning 2.0.0 has it. */
export interface Version {
  readonly numbers: readonly [major: bigint, minor: bigint, patch: bigint];
  /** What follows the hyphen, by its dots; none for a release proper. */
  readonly pre: readonly string[];
  /** With a leading `v`, as tags and manifests write it. */
  readonly tag: string;
}

/** Ours. A tag is a word in a URL and in a folder. */
const TAG_MAX = 64;
const TAG = /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(\+[0-9A-Za-z.-]+)?$/;
/** A number has no zero before it. */
const ZERO_BEFORE = /^0\d+$/;

/** `[v]X.Y.Z[-pre][+build]`; `undefined` for anything else. */
export function parseVersion(text: string): Version | undefined {
  const found = text.length <= TAG_MAX ? TAG.exec(text) : null;
  if (found === null) return undefined;
  const [, major, minor, patch, pre] = found;
  if (pre?.split(".").some((part) => ZERO_BEFORE.test(part))) return undefined;
  return {
    numbers: [BigInt(major!), BigInt(minor!), BigInt(patch!)],
    pre: pre === undefined ? [] : pre.split("."),
    tag: text.startsWith("v") ? text : `v${text}`,
  };
}

/** Negative when `a` comes before `b`. What was built from it does not count (section 11 of the specification). */
export function compareVersions(a: Version, b: Version): number {
  for (const at of [0, 1, 2] as const)
    if (a.numbers[at] !== b.numbers[at]) return a.numbers[at] < b.numbers[at] ? -1 : 1;
  if (a.pre.length === 0 || b.pre.length === 0) return Number(a.pre.length === 0) - Number(b.pre.length === 0);
  for (let at = 0; at < Math.min(a.pre.length, b.pre.length); at++) {
    const order = comparePart(a.pre[at]!, b.pre[at]!);
    if (order !== 0) return order;
  }
  return a.pre.length - b.pre.length;
}

function comparePart(a: string, b: string): number {
  if (a === b) return 0;
  const [numberA, numberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numberA && numberB) return BigInt(a) < BigInt(b) ? -1 : 1;
  if (numberA !== numberB) return numberA ? -1 : 1;
  return a < b ? -1 : 1;
}
