import { EntmootError } from "../errors.ts";

/** The refusal of what is not as `label` says. `path`: keys and list indexes from the root. */
export function malformed(
  label: string,
  path: readonly (string | number)[],
  expected: string,
  found: string,
): EntmootError {
  const where = path.length === 0 ? "" : `${formatPath(path)}: `;
  return new EntmootError("malformed_frame", `${label}: ${where}expected ${expected}, found ${found}`);
}

/** A value in a refusal, in the words for JSON where there are any. */
function foundValue(value: unknown): string {
  if (value === undefined) return "none";
  if (typeof value === "string") return "a string";
  if (Array.isArray(value)) return "an array";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object" && value !== null) return "an object";
  return shorten(String(value));
}

export function shorten(word: string): string {
  return word.length <= 40 ? word : `${word.slice(0, 40)}…`;
}

function formatPath(path: readonly (string | number)[]): string {
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
}

/** Where in a value that never was JSON a check is. Fails as a reader of its JSON does. */
export class CheckedPlace {
  /** Keys and list indexes from the root. */
  readonly path: (string | number)[] = [];
  readonly #label: string;

  constructor(label: string) {
    this.#label = label;
  }

  fail(expected: string, value: unknown, found = foundValue(value)): never {
    throw malformed(this.#label, this.path, expected, found);
  }
}
