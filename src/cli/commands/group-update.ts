import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson } from "../../host/print.ts";
import { moot_update, moots } from "../../node/operations/membership.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { defineCommand, repeated } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { oneMoot } from "../line/moot-argument.ts";
import { tellSameName } from "../line/same-name.ts";

const LABEL = "group update";

/** `group update`: what a moot is called and said to be for. */
export const groupUpdate = defineCommand({
  meta: { name: "update", description: "Give a moot another name, description or tags (founder only)" },
  help: {
    examples: [
      "entmootd group update -name parliament",
      'entmootd group update -group GID -description "of trees" -tag forest',
    ],
    exits: [0, 1, 2, 3, 5, 6],
    words: ["name"],
    effect: 'it is called so all the same; "entmootd group list" shows it',
    notes: [
      "All members are told, also those that are away. What is left out stays; -tag puts those given in place of all there",
      'are, and -tag "" takes them away. Members that run the original program are told nothing.',
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    name: { type: "string", valueHint: "NAME", defaultHint: "as it is", description: "display name" },
    description: { type: "string", valueHint: "TEXT", defaultHint: "as it is", description: "what the moot is for" },
    tag: {
      type: "string",
      repeatable: true,
      valueHint: "TAG",
      defaultHint: "as they are",
      description: "word to find it by",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const { description, name } = args;
    if (description === undefined && name === undefined && args.tag === undefined) {
      refuse("expected -name, -description or -tag, one at least");
    }
    if (name !== undefined && trimSpace(name) === "") refuse("-name is empty; expected a name");
    const given = repeated(args.tag).map(trimSpace);
    const tags = args.tag === undefined ? undefined : given.filter((tag) => tag !== "");
    if (tags !== undefined && tags.length !== given.length && given.length > 1)
      refuse("-tag is empty; expected a word");
    const group_id = await oneMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      await using node = await openOperations(options, { create: false, change: true });
      const updated = await node.call(moot_update, { group_id, name, description, tags });
      const same = name === undefined ? 0 : await othersCalled(node, updated);
      tellSameName(LABEL, same, updated.group_id);
      printJson({
        group_id: GroupId.toBase64(updated.group_id),
        name: updated.name,
        ...(same === 0 ? {} : { same_name: same }),
        ...(updated.description === "" ? {} : { description: updated.description }),
        ...(updated.tags.length === 0 ? {} : { tags: updated.tags }),
        changed: updated.changed,
      });
    });
  },
});

async function othersCalled(
  node: Operations,
  { group_id, name }: { readonly group_id: GroupId; readonly name: string },
) {
  const { moots: rows } = await node.call(moots, {});
  return rows.filter((row) => row.group_id !== group_id && trimSpace(row.name) === name).length;
}

function refuse(why: string): never {
  throw new EntmootError("invalid_argument", `${LABEL}: ${why}`);
}
