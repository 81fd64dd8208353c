import { isUtf8 } from "node:buffer";
import { sizeText } from "../../core/amounts.ts";
import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { decodeJson } from "../../core/json/json-codec.ts";
import type { ReadId } from "../../core/json/json-reader.ts";
import { idBytes } from "../../core/written-id.ts";
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
import { jsonAlready } from "../line/json-already.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { requireRequestJson } from "../line/request-json.ts";
import { unknownOperation } from "./operations.ts";

const LABEL = "call";
/** Where a request says which moot it means. */
const GROUP_KEY = "group_id";

/** `call`: any operation, in the JSON of the socket. */
export const call = defineCommand({
  meta: { name: LABEL, description: "Ask the node for any operation, JSON in and JSON out" },
  help: {
    examples: [
      "entmootd call status",
      `entmootd call members '{"group_id":"council"}'`,
      `entmootd call watch '{"topic":"#"}'`,
      "entmootd call publish - < request.json",
    ],
    exits: [0, 1, 2, 3, 5, 6, 7],
    effect: "the operation may have been carried out all the same",
    notes: [
      'Prints the answer as one line of JSON. An operation that streams prints {"event":…} for each event and',
      '{"answer":…} at its end. What can be asked, with schemas: entmootd operations. watch, version, stop, program and',
      "restart need a daemon that runs. Ids are base64, padded or not, or hex; group_id may be the name of a moot.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
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
    const request = await requestOf(options, operation, args.request ?? "{}");
    await namedFailure(LABEL, async () => {
      await using node = await open(options, operation);
      if (operation.event === undefined) {
        printJsonText(operation.answer.write(await node.call(operation, request as object), "wire"));
        return;
      }
      const { event } = operation;
      const ending = new AbortController();
      using _reader = onReaderGone(realClock, () => ending.abort());
      // What it streams has no other end than that somebody says so.
      for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort());
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
async function requestOf(options: GlobalOptions, operation: AnyOperation, text: string): Promise<unknown> {
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
  const said = requireRequestJson(`${LABEL}: ${name}`, text === "-" ? decodeUtf8(bytes) : text);
  const named = await mootNamed(options, name, said);
  const readId: ReadId = (id, key) => (named !== undefined && key === GROUP_KEY ? named : idBytes(id));
  try {
    return decodeJson(operation.request, bytes, { unknownKeys: "refuse", readId });
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    // Some requests are called what their operation is.
    const what = cause.message.startsWith(`${name}: `) ? cause.message : `${name}: ${cause.message}`;
    const text = `${LABEL}: ${what}; its schema: "entmootd operations ${name}"`;
    throw new EntmootError("invalid_argument", text, { cause });
  }
}

/** The id of the moot that the request calls by its name; `undefined` where it gives an id, or none. */
async function mootNamed(options: GlobalOptions, name: string, said: object): Promise<Uint8Array | undefined> {
  const group = (said as Record<string, unknown>)[GROUP_KEY];
  if (typeof group !== "string" || idBytes(group) !== undefined) return undefined;
  return GroupId.toBytes(await parseMoot(`${LABEL}: ${name}: ${GROUP_KEY}`, group, { options }));
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
