import { EntmootError } from "../errors.ts";
import { decodeJson, omitted, optional, struct } from "../json/json-codec.ts";
import { text } from "../json/json-scalars.ts";
import { isMootLink } from "./moot-link.ts";
import { isEntmootLink } from "./open-invite.ts";

const linkField = struct<{ readonly link: string }>("link", { link: omitted(text) });
const printed = struct<{
  readonly type: string;
  readonly link: string;
  readonly open_invite: { readonly link: string } | undefined;
}>("link", {
  type: omitted(text),
  link: omitted(text),
  open_invite: optional(linkField),
});

/**
 * The link in a JSON object that `invite link`, `group create` or `up` printed; `undefined` where `input` is no
 * such object, as an invite, an open invite or a signed descriptor of the original is not.
 */
export function linkInJson(input: string): string | undefined {
  if (!/^\s*\{/.test(input)) return undefined;
  try {
    const { link, open_invite, type } = decodeJson(printed, input);
    // What says its type is signed: the link in it counts only once that holds.
    if (type !== "") return undefined;
    if (link === "" && open_invite !== undefined && isEntmootLink(open_invite.link)) return open_invite.link;
    return isMootLink(link) ? link : undefined;
  } catch (error) {
    // What is wrong with it is for who reads it as what it is meant for.
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
}
