import { schemaOf } from "../core/json/json-codec.ts";
import type { JsonSchema } from "../core/json/json-schema.ts";
import type { Operation, OperationTable, Scope } from "../node/operations/operation.ts";

/** One operation as documents and programs see it. */
export interface OperationListing {
  readonly name: string;
  readonly summary: string;
  readonly scope: Scope;
  /** Whether events come before the answer. */
  readonly streams: boolean;
  readonly request: JsonSchema;
  readonly answer: JsonSchema;
  readonly event?: JsonSchema;
}

/** The operations of a table by name. */
export function listOperations(table: OperationTable): OperationListing[] {
  return Object.values(table)
    .map(listing)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function listing(operation: Operation<unknown, unknown, unknown>): OperationListing {
  const { answer, event, name, request, scope, summary } = operation;
  const streamed = event === undefined ? {} : { event: schemaOf(event) };
  const streams = event !== undefined;
  return { name, summary, scope, streams, request: schemaOf(request), answer: schemaOf(answer), ...streamed };
}

/** The operations as a table in Markdown, as `docs/operations.md` holds it. */
export function operationsMarkdown(table: OperationTable): string {
  const rows = listOperations(table).map(
    ({ name, request, scope, streams, summary }) =>
      `| \`${name}\` | ${scope} | ${streams ? "yes" : ""} | ${keysOf(request)} | ${summary} |`,
  );
  return ["| Operation | Socket | Streams | Asked with | What it does |", "|---|---|---|---|---|", ...rows].join("\n");
}

/** The keys of an object's schema; optional ones in brackets. */
function keysOf({ properties = {}, required = [] }: JsonSchema): string {
  const needed = new Set(required as readonly string[]);
  const keys = Object.keys(properties as object).map((key) => (needed.has(key) ? `\`${key}\`` : `[\`${key}\`]`));
  return keys.join(" ");
}
