import { EntmootError } from "../../core/errors.ts";

/** Ours. Characters of a value that a failure repeats. */
const SHOWN_MAX = 80;

/** `text`, which begins as an address of the web does; what else is asked of it is looked at where it is used. Throws `invalid_argument`. */
export function parseUrl(label: string, text: string): string {
  if (/^https?:\/\/[^/]/i.test(text.trim())) return text;
  const found = JSON.stringify(text.slice(0, SHOWN_MAX));
  throw new EntmootError(
    "invalid_argument",
    `${label}: expected an address such as https://example.org, found ${found}`,
  );
}
