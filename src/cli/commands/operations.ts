import { EntmootError } from "../../core/errors.ts";
import { printIndentedJson, printJson, printLine } from "../../host/print.ts";
import { OPERATIONS } from "../../node/operations/table.ts";
import { nearest } from "../../view/nearest.ts";
import { listOperations, type OperationListing, operationsMarkdown } from "../../view/operation-listing.ts";
import { defineCommand } from "../line/command.ts";
import { globalFlags } from "../line/global-flags.ts";

const LABEL = "operations";

/** `operations`: everything a program can ask of a node, with its schemas. */
export const operations = defineCommand({
  meta: { name: LABEL, description: "List what programs can ask of a node, with JSON Schemas" },
  help: {
    examples: ["entmootd operations", "entmootd operations publish", "entmootd operations -json"],
    exits: [0, 1, 5],
    notes: ["Ask with: entmootd call OPERATION JSON. Those for agents also work over the agent socket."],
  },
  args: {
    ...globalFlags,
    name: { type: "positional", required: false, valueHint: "OPERATION", description: "only this one, with schemas" },
    markdown: { type: "boolean", description: "print the table as docs/operations.md holds it" },
    json: { type: "boolean", description: "print one JSON array, or one object for one operation" },
  },
  run({ args }) {
    if (args.markdown && (args.json || args.name !== undefined)) {
      throw new EntmootError(
        "invalid_argument",
        `${LABEL}: -markdown is the table of all; leave out -json and OPERATION`,
      );
    }
    const all = listOperations(OPERATIONS);
    if (args.name !== undefined) {
      const one = all.find(({ name }) => name === args.name);
      if (one === undefined) throw unknownOperation(LABEL, args.name);
      if (args.json) printJson(one);
      else printIndentedJson(one);
    } else if (args.json) printJson(all);
    else if (args.markdown) printLine(operationsMarkdown(OPERATIONS));
    else for (const line of table(all)) printLine(line);
  },
});

/** The error for a name that no operation has, with the one it may have been meant for. */
export function unknownOperation(label: string, name: string): EntmootError {
  const close = nearest(
    name.toLowerCase(),
    Object.values(OPERATIONS).map((operation) => operation.name),
  );
  const hint = close === undefined ? 'see "entmootd operations"' : `did you mean ${close}?`;
  return new EntmootError("invalid_argument", `${label}: no operation ${JSON.stringify(name.slice(0, 64))}; ${hint}`);
}

function table(listings: readonly OperationListing[]): string[] {
  const width = Math.max(...listings.map(({ name }) => name.length));
  return listings.map(({ name, scope, streams, summary }) =>
    [name.padEnd(width), scope.padEnd(5), streams ? "streams" : "       ", summary].join("  "),
  );
}
