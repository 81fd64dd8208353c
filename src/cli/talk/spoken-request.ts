import * as v from "valibot";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { publish } from "../../node/operations/messages.ts";
import type { RequestOf } from "../../node/operations/operation.ts";
import { parseGroupId } from "../line/group-argument.ts";

/** Ours. A program's own mark of what it asked. */
const ID_MAX = 256;
/** Ours. How much of what was found an error shows. */
const FOUND_MAX = 60;

export const EXPECTED = '{"publish":{"content":"hello","topic":["chat"]}}';

const topics = v.union([v.string(), v.array(v.string())], "expected a text or a list of texts");
const PublishBody = v.strictObject({
  /** As lines say them, and as the operation does. */
  topic: v.optional(topics),
  topics: v.optional(topics),
  content: v.optional(v.string("expected a text")),
  content_b64: v.optional(v.pipe(v.string("expected base64"), v.base64("expected base64"))),
  group_id: v.optional(v.string("expected a group id")),
  token: v.optional(v.string("expected a text of 16 to 64 bytes")),
});
const SpokenLine = v.strictObject({
  id: v.optional(
    v.union([v.pipe(v.string(), v.maxLength(ID_MAX)), v.number()], `expected a number or a text of at most ${ID_MAX}`),
  ),
  publish: PublishBody,
});

/** One thing a program asked for on a line of stdin. */
export interface SpokenRequest {
  /** Comes back in the answer. */
  readonly id: string | number | undefined;
  readonly publish: RequestOf<typeof publish>;
}

/** Where what does not say is published. */
export interface SpokenDefaults {
  readonly groupId: GroupId;
  readonly topic: string;
}

/** Reads a line. Throws `invalid_argument`, naming what was expected. */
export function readSpoken(bytes: Uint8Array, defaults: SpokenDefaults): SpokenRequest {
  const text = decode(bytes);
  const { id, publish } = parse(text);
  if (publish.topic !== undefined && publish.topics !== undefined)
    throw wrong("publish: one of topic and topics", "both");
  if ((publish.content === undefined) === (publish.content_b64 === undefined)) {
    throw wrong("publish: one of content and content_b64", publish.content === undefined ? "neither" : "both");
  }
  const said = publish.topic ?? publish.topics ?? defaults.topic;
  return {
    id,
    publish: {
      group_id: publish.group_id === undefined ? defaults.groupId : parseGroupId("publish: group_id", publish.group_id),
      topics: typeof said === "string" ? [said] : said,
      content:
        publish.content === undefined ? Uint8Array.fromBase64(publish.content_b64!) : encodeUtf8(publish.content),
      token: publish.token === undefined ? undefined : encodeUtf8(publish.token),
    },
  };
}

/** The mark of a line that asks for something else, where it has one. */
export function spokenId(bytes: Uint8Array): string | number | undefined {
  try {
    const { id } = JSON.parse(decode(bytes)) as { id?: unknown };
    return typeof id === "number" || (typeof id === "string" && id.length <= ID_MAX) ? id : undefined;
  } catch {
    return undefined;
  }
}

function parse(text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong(`a line of JSON such as ${EXPECTED}`, text);
  }
  const result = v.safeParse(SpokenLine, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  if (path === null) throw wrong(`a line such as ${EXPECTED}`, text);
  throw new EntmootError("invalid_argument", `${path}: ${issue.message}; a line is such as ${EXPECTED}`);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw wrong(`a line of UTF-8 such as ${EXPECTED}`, "bytes that are none");
  }
}

function wrong(expected: string, found: string): EntmootError {
  const shown = found.length > FOUND_MAX ? `${found.slice(0, FOUND_MAX)}…` : found;
  return new EntmootError("invalid_argument", `expected ${expected}, found ${shown}`);
}
