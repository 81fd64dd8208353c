import { EntmootError } from "../errors.ts";
import { decodeJson, omitted, optional, struct } from "../json/json-codec.ts";
import { text } from "../json/json-scalars.ts";
import { isMootLink } from "./moot-link.ts";

const linkField = struct<{ readonly link: string }>("link", { link: omitted(text) });
const printed = struct<{ readonly link: string; readonly open_invite: { readonly link: string } | undefined }>("link", {
  link: omitted(text),
  open_invite: optional(linkField),
});

/**
 * The moot link in a JSON object that `invite link`, `group create` or `up` printed; `undefined` where `input` is no
 * such object, as an invite or an open invite of the original is not.
 */
export function linkInJson(input: string): string | undefined {
  if (!/^\s*\{/.test(input)) return undefined;
  try {
    const { link, open_invite } = decodeJson(printed, input);
    return [link, open_invite?.link].find((each) => each !== undefined && isMootLink(each));
  } catch (error) {
    // What is wrong with it is for who reads it as what it is meant for.
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
}
