import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { openReading } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printProse } from "../../host/print.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { namedFailure } from "./command-error.ts";
import { globalFlags } from "./global-flags.ts";
import { jsonAlready } from "./json-already.ts";
import { listingMoots, parseMoot } from "./moot-argument.ts";

/** What every part of `mailbox` is asked with. */
export const mailboxFlags = {
  ...globalFlags,
  ...jsonAlready,
  client: { type: "string", required: true, valueHint: "NAME", description: "who reads, by a name of its own choice" },
  group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
} as const;

const LABEL = "mailbox";

/** The client's name. Throws `invalid_argument` for none. */
export function parseClient(label: string, name: string): string {
  if (trimSpace(name) === "") throw new EntmootError("invalid_argument", `${label}: -client is required`);
  return name;
}

interface MailboxAsked {
  readonly label: string;
  readonly options: GlobalOptions;
  readonly group: string | undefined;
}

/**
 * Runs `work` on the node, or on the files where no daemon answers. What is wrong with the moot is said of `mailbox`, as the
 * original says it, anything else of the part in `label`.
 */
export async function withMailbox<T>(
  { group, label, options }: MailboxAsked,
  work: (node: Operations, groupId: GroupId | undefined) => Promise<T>,
): Promise<T> {
  const groupId = group === undefined ? undefined : await parseMoot(LABEL, group, { options });
  try {
    return await listingMoots(LABEL, { options }, async () => {
      await using node = await openReading(options);
      return await work(node, groupId);
    });
  } catch (error) {
    const isOfMoot = error instanceof EntmootError && error.code === "group_not_found";
    return namedFailure(isOfMoot ? LABEL : label, () => Promise.reject(error));
  }
}

/** Tells people what the answer has to say beside what programs read. */
export function tellNote(label: string, client: string, note: string | undefined): void {
  if (note !== undefined) printProse(`${label}: client ${JSON.stringify(client)}: ${note}`);
}
