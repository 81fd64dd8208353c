import { trimSpace } from "../core/bytes/text.ts";
import { badRequest } from "./http-failure.ts";
import type { QueryField } from "./route.ts";

/** A whole number; the default where it is absent or empty. */
export function numberField(
  name: string,
  { initial, max, min }: { readonly min: number; readonly max: number; readonly initial: number },
  description: string,
): QueryField<number> {
  return {
    schema: { type: "integer", minimum: min, maximum: max, default: initial },
    description,
    read(text) {
      const given = trimSpace(text ?? "");
      if (given === "") return initial;
      const value = /^[+-]?\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
      if (!(value >= min && value <= max)) throw badRequest(`${name} must be between ${min} and ${max}`);
      return value;
    },
  };
}

const TRUE = new Set(["1", "t", "true", "y", "yes", "on"]);

/** True for the original's words in any case; anything else is false. */
export function switchField(description: string): QueryField<boolean> {
  return {
    schema: { type: "string", description: `true for ${[...TRUE].join(", ")}` },
    description,
    takesAnything: true,
    read: (text) => TRUE.has(trimSpace(text ?? "").toLowerCase()),
  };
}

/** Ours. Longest text of a query that is looked at. */
const TEXT_CHARS_MAX = 16_384;

/** Text without blanks around; empty where it is absent. */
export function textField(name: string, description: string, more: { readonly isRequired?: boolean } = {}) {
  const { isRequired = false } = more;
  return {
    schema: { type: "string", maxLength: TEXT_CHARS_MAX },
    description,
    isRequired,
    read(text: string | undefined) {
      const value = trimSpace(text ?? "");
      if (value === "" && isRequired) throw badRequest(`${name} is required`);
      if (value.length > TEXT_CHARS_MAX) throw badRequest(`${name} is too long`);
      return value;
    },
  } satisfies QueryField<string>;
}
