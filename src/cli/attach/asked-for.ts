import { basename } from "node:path";
import type { Attachment } from "../../agent/setup/attachments.ts";
import type { HostSetup } from "../../agent/setup/host-setup.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { parseVoiceName } from "../../daemon/voices.ts";
import { printProse } from "../../host/print.ts";
import { hostPlaces } from "../line/host-argument.ts";
import { requireLink } from "../line/link-argument.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "attach";

/** As whom an agent is to speak and where, by the words of a command line. Throws `invalid_argument`, `group_not_found`. */
export async function askedFor(
  options: GlobalOptions,
  args: { readonly as?: string | undefined; readonly group?: string | undefined; readonly link?: string | undefined },
  name: string,
  before?: Attachment,
) {
  const groupId = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
  if (args.link !== undefined) requireLink(`${LABEL}: -link`, args.link);
  if (groupId !== undefined && args.link !== undefined) {
    throw new EntmootError("invalid_argument", `${LABEL}: expected one of -group and -link, found both`);
  }
  const isElsewhere = groupId !== undefined || args.link !== undefined;
  // What is not said stays: its members know the agent by that key.
  if (before !== undefined && !isElsewhere && (args.as ?? before.voice) === before.voice) {
    return { groupId: groupOf(before), link: undefined, voice: before.voice };
  }
  const isMain = groupId !== undefined && args.as === undefined;
  const voice = isMain ? undefined : parseVoiceName(`${LABEL}: -as`, args.as ?? name);
  if (before?.voice !== undefined && before.voice !== voice) {
    const end = `"entmootd voice remove ${before.voice}" ends that voice`;
    printProse(`${LABEL}: it was attached here as ${before.voice}, whose messages reach it no more; ${end}`);
  }
  return { groupId, link: args.link, voice };
}

function groupOf({ group_id }: Attachment): GroupId | undefined {
  return group_id === undefined ? undefined : GroupId.fromBytes(Uint8Array.fromBase64(group_id));
}

/** A voice of each host and folder, unless its user names one. */
export function voiceName(word: string, setup?: HostSetup): string {
  const places = hostPlaces();
  const host = setup?.host ?? basename(word);
  const isPerProject = setup?.isPerProject(places) ?? true;
  const whole = isPerProject ? `${host}-${basename(places.project)}` : host;
  const plain = whole
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 63);
  return plain === "" ? "agent" : plain;
}
