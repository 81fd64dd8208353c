import * as v from "valibot";
import { trimSpace } from "../../core/bytes/text.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { JsonReader } from "../../core/json/json-reader.ts";
import { publishTopics } from "../../core/policy/topic.ts";
import { idBytes } from "../../core/written-id.ts";
import type { publish } from "../../node/operations/messages.ts";
import type { RequestOf } from "../../node/operations/operation.ts";
import { jsonNumber } from "../../view/message-line.ts";
import { repeatedKey } from "../line/request-json.ts";
import { parseToken } from "../line/token-argument.ts";

/** Ours. A program's own mark of what it asked. */
const ID_MAX = 256;
/** Ours. How much of a field's name an error shows. */
const PATH_MAX = 80;
/** Ours. How much of what was found an error shows. */
const FOUND_MAX = 60;

export const EXPECTED = '{"publish":{"content":"hello","topic":["chat"]}}';

/** In place of the library's words: whether a field is unknown, and which are known, or missing. */
function strict<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, ({ expected }) => {
    if (expected === "never") return `no such field; known are ${Object.keys(entries).join(", ")}`;
    return expected?.startsWith('"') ? "is missing" : "expected an object";
  });
}

const topics = v.union([v.string(), v.array(v.string())], "expected a text or a list of texts");
const PublishBody = strict({
  /** As lines say them, and as the operation does. */
  topic: v.optional(topics),
  topics: v.optional(topics),
  content: v.optional(v.string("expected a text")),
  content_b64: v.optional(v.pipe(v.string("expected base64"), v.base64("expected base64"))),
  group_id: v.optional(v.string("expected the id or the name of a moot")),
  token: v.optional(v.string("expected a text of 16 to 64 bytes")),
});
const SpokenLine = strict({
  id: v.optional(
    v.union(
      [v.pipe(v.string(), v.maxLength(ID_MAX)), v.number(), v.null()],
      `expected a number or a text of at most ${ID_MAX}`,
    ),
  ),
  publish: PublishBody,
});

/** A program's own mark: a text, or a number as it was written, also one that none of ours can hold. */
export type SpokenId = unknown;

/** One thing a program asked for on a line of stdin. */
export interface SpokenRequest {
  /** Comes back in the answer; `undefined`: there is none. */
  readonly id: SpokenId;
  readonly publish: RequestOf<typeof publish>;
  /** What `group_id` says where that is no id: the name of a moot, whose id `publish` then lacks. */
  readonly moot: string | undefined;
}

/** Where what does not say is published. */
export interface SpokenDefaults {
  readonly groupId: GroupId;
  readonly topic: string;
}

/** Reads a line, and refuses what `publish` refuses. Throws `invalid_argument`, naming what was expected. */
export function readSpoken(bytes: Uint8Array, defaults: SpokenDefaults): SpokenRequest {
  const text = decode(bytes);
  const { id, publish } = parse(text);
  if (publish.topic !== undefined && publish.topics !== undefined)
    throw wrong("publish: one of topic and topics", "both");
  if ((publish.content === undefined) === (publish.content_b64 === undefined)) {
    throw wrong("publish: one of content and content_b64", publish.content === undefined ? "neither" : "both");
  }
  const said = publish.topic ?? publish.topics ?? defaults.topic;
  const topics = publishTopics(typeof said === "string" ? [said] : said);
  const content =
    publish.content === undefined ? Uint8Array.fromBase64(publish.content_b64!) : encodeUtf8(publish.content);
  if (content.length === 0) throw wrong("publish: the text of the message", "an empty one");
  const group = publish.group_id === undefined ? undefined : idBytes(publish.group_id);
  const moot = publish.group_id !== undefined && group === undefined ? trimSpace(publish.group_id) : undefined;
  if (moot === "") throw wrong("publish: group_id: the id or the name of a moot", "nothing");
  const ofDefault = moot === undefined ? defaults.groupId : undefined;
  return {
    moot,
    id: id === null ? undefined : markOf(text, id),
    publish: {
      group_id: group === undefined ? ofDefault : GroupId.fromBytes(group),
      topics,
      content,
      token: publish.token === undefined ? undefined : parseToken("publish: token", publish.token),
    },
  };
}

/** The mark of a line that asks for something else, where it has one. */
export function spokenId(bytes: Uint8Array): SpokenId {
  try {
    const text = decode(bytes);
    const { id } = JSON.parse(text) as { id?: unknown };
    const isMark = typeof id === "number" || (typeof id === "string" && id.length <= ID_MAX);
    return isMark ? markOf(text, id) : undefined;
  } catch {
    return undefined;
  }
}

/** `id` so that it is printed as it stands in the line. */
function markOf(text: string, id: string | number | undefined): SpokenId {
  if (typeof id !== "number") return id?.toWellFormed();
  const idSource = idSourceOf(text) ?? String(id);
  if (idSource === String(id)) return id;
  if (idSource.length <= ID_MAX) return jsonNumber(idSource);
  throw wrong(`id: a number of at most ${ID_MAX} characters`, `one of ${idSource.length}`);
}

function parse(text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong(`a line of JSON such as ${EXPECTED}`, text);
  }
  const result = v.safeParse(SpokenLine, value);
  if (!result.success) {
    const [issue] = result.issues;
    const path = v.getDotPath(issue);
    if (path === null) throw wrong(`a line such as ${EXPECTED}`, text);
    throw new EntmootError(
      "invalid_argument",
      `${path.slice(0, PATH_MAX)}: ${issue.message}; a line is such as ${EXPECTED}`,
    );
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw wrong("each field once", `${repeated} twice`);
  const half = halfSurrogate(result.output);
  if (half !== undefined) throw wrong(`${half}: text`, "half of a surrogate pair, which is no character");
  return result.output;
}

/** The field whose text has a surrogate without its other half, which would be published as another character. */
function halfSurrogate({ id, publish }: v.InferOutput<typeof SpokenLine>): string | undefined {
  const texts = Object.entries({ id, ...publish });
  return texts.find(([, text]) => [text].flat().some((one) => typeof one === "string" && !one.isWellFormed()))?.[0];
}

/** What a parsed value does not tell: how the number of `id` is written. */
function idSourceOf(text: string): string | undefined {
  let depth = 0;
  let key = "";
  let idSource: string | undefined;
  new JsonReader(text, "line").readTokens({
    open: () => void depth++,
    close: () => void depth--,
    key(source) {
      key = JSON.parse(source) as string;
    },
    scalar(source) {
      if (depth === 1 && key === "id") idSource = source;
    },
  });
  return idSource;
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
