/** A vector file as read: numbers outside ±2^53 are bigints, everything else is plain JSON. */
export interface VectorFile {
  readonly path: string;
  readonly cases: readonly VectorCase[];
  readonly [field: string]: unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: each kind has its own shape, described in the vectors' README.
export type VectorCase = { readonly name: string; readonly kind?: string } & Readonly<Record<string, any>>;

/** Thrown by a check whose case came out otherwise; both sides are short texts for people. */
export class Mismatch extends Error {
  readonly expected: string;
  readonly found: string;

  constructor(expected: unknown, found: unknown) {
    const [e, f] = [show(expected), show(found)];
    super(`expected ${e}, found ${f}`);
    this.name = "Mismatch";
    this.expected = e;
    this.found = f;
  }
}

/** Returns when the case comes out as recorded, throws `Mismatch` (or anything else) when not. */
export type Check = (vector: VectorCase, file: VectorFile) => void | Promise<void>;

/** What one subject's files can hold: a check for each kind built. A kind not listed counts as unknown. */
export interface Subject {
  readonly kinds: Readonly<Record<string, Check>>;
  /** The kind of a case where neither `op` nor `kind` tells it; `undefined`: they do. */
  readonly kindOf?: (vector: VectorCase) => string | undefined;
  /** The kind of a case that has no `kind` field. `op` is looked at first. */
  readonly defaultKind?: string;
  /** For a file that is not a list of cases: the cases it stands for. */
  readonly expand?: (file: Readonly<Record<string, unknown>>, path: string) => Promise<readonly VectorCase[]>;
  /** Called once after the last case of a file, to release what the checks shared. */
  readonly close?: () => void | Promise<void>;
}

/** Throws `Mismatch` unless both print alike. */
export function expectEqual(found: unknown, expected: unknown): void {
  if (show(found) !== show(expected)) throw new Mismatch(expected, found);
}

function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return value.toHex();
  return (
    JSON.stringify(value, (_key, inner) => {
      if (typeof inner === "bigint") return `${inner}`;
      if (inner instanceof Uint8Array) return inner.toHex();
      return inner;
    }) ?? "undefined"
  );
}
