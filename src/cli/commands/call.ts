import { isUtf8 } from "node:buffer";
import { sizeText } from "../../core/amounts.ts";
import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { decodeJson } from "../../core/json/json-codec.ts";
import { openDaemon, openOperations, openReading } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJsonText, putJsonText } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { onReaderGone } from "../../host/stdout-reader.ts";
import type { AnyOperation, Operations } from "../../node/operations/operation.ts";
import { OPERATIONS, READ_OPERATIONS } from "../../node/operations/table.ts";
import { unlessAborted } from "../../transport/wait.ts";
import { collect } from "../line/collect.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { requireRequestJson } from "../line/request-json.ts";
import { unknownOperation } from "./operations.ts";

const LABEL = "call";

/** `call`: any operation, in the JSON of the socket. */
export const call = defineCommand({
  meta: { name: LABEL, description: "Ask the node for any operation, JSON in and JSON out" },
  help: {
    examples: [
      "entmootd call status",
      `entmootd call members '{"group_id":"GID"}'`,
      `entmootd call watch '{"topic":"#"}'`,
      "entmootd call publish - < request.json",
    ],
    exits: [0, 1, 2, 3, 5, 6, 7],
    effect: "the operation may have been carried out all the same",
    notes: [
      'Prints the answer as one line of JSON. An operation that streams prints {"event":…} for each event and',
      '{"answer":…} at its end. What can be asked, with schemas: entmootd operations. watch, version, stop, program and',
      "restart need a daemon that runs.",
    ],
  },
  args: {
    ...globalFlags,
    operation: { type: "positional", required: true, valueHint: "OPERATION", description: "its name" },
    request: {
      type: "positional",
      required: false,
      valueHint: "JSON|-",
      description: "what it is asked with, - reads it from stdin; {} when absent",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const operation = operationOf(args.operation);
    const request = await requestOf(operation, args.request ?? "{}");
    await namedFailure(LABEL, async () => {
      await using node = await open(options, operation);
      if (operation.event === undefined) {
        printJsonText(operation.answer.write(await node.call(operation, request as object), "wire"));
        return;
      }
      const { event } = operation;
      const ending = new AbortController();
      using _reader = onReaderGone(realClock, () => ending.abort());
      const answered = node.call(operation, request as object, {
        signal: ending.signal,
        onEvent: (told) => putJsonText(`{"event":${event.write(told, "wire")}}`),
      });
      const answer = await unlessAborted(answered, ending.signal);
      if (answer === undefined) return;
      await putJsonText(`{"answer":${operation.answer.write(answer, "wire")}}`);
    });
  },
});

function operationOf(name: string): AnyOperation {
  const found = Object.values<AnyOperation>(OPERATIONS as never).find((operation) => operation.name === name);
  if (found === undefined) throw unknownOperation(LABEL, name);
  return found;
}

/** The request, checked whole before anything is asked. */
async function requestOf(operation: AnyOperation, text: string): Promise<unknown> {
  const { name, requestMax } = operation;
  const bytes = text === "-" ? await collect(Bun.stdin.stream(), requestMax) : new TextEncoder().encode(text);
  if (bytes === undefined || bytes.length > requestMax) {
    const found = bytes === undefined ? "more on stdin" : sizeText(bytes.length);
    throw new EntmootError(
      "invalid_argument",
      `${LABEL}: ${name}: expected at most ${sizeText(requestMax)}, got ${found}`,
    );
  }
  if (text === "-") requireUtf8(bytes, `${LABEL}: ${name}: stdin`);
  requireRequestJson(`${LABEL}: ${name}`, text === "-" ? decodeUtf8(bytes) : text);
  try {
    return decodeJson(operation.request, bytes, { unknownKeys: "refuse" });
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    const text = `${LABEL}: ${name}: ${cause.message}; its schema: "entmootd operations ${name}"`;
    throw new EntmootError("invalid_argument", text, { cause });
  }
}

/**
 * What only looks also works beside a daemon and without one, what needs a daemon asks nobody else, and anything else is
 * done here when none runs.
 */
function open(options: GlobalOptions, operation: AnyOperation): Promise<Operations> {
  if (operation.needsDaemon) return openDaemon(options);
  const isRead = Object.values<AnyOperation>(READ_OPERATIONS as never).includes(operation);
  return isRead ? openReading(options) : openOperations(options, { create: false, change: true });
}

/** Other characters in their place would be signed for what was meant. */
function requireUtf8(bytes: Uint8Array, label: string): void {
  if (!isUtf8(bytes)) throw new EntmootError("invalid_argument", `${label}: expected UTF-8, found other bytes`);
}
