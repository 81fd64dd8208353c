import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import type { JsonSchema } from "../core/json/json-schema.ts";
import { ID_START_MIN } from "../core/written-id.ts";
import { type NamedMessage, whichMessage } from "../view/which-message.ts";
import type { NodeLink } from "./node-link.ts";

/** What waits, beside each answer: a host tells its model nothing of its own accord. */
export interface Pending {
  readonly asks_you: number;
  readonly more: boolean;
  readonly ids: readonly string[];
}

/** What tools work with. */
export interface ToolContext {
  readonly node: NodeLink;
  readonly clock: Clock;
  /** The only moot that is spoken of and to; `undefined`: all of them. */
  readonly only: GroupId | undefined;
  /** 8 hex digits, other ones each time. */
  readonly nonce: () => string;
}

/** Where a tool is in the middle of a call. */
export interface ToolCall extends ToolContext {
  readonly signal: AbortSignal;
}

/** What a tool answers with. */
export interface ToolAnswer {
  /** What the model reads. Words of members stand in it within envelopes only. */
  readonly text: string;
  /** The same for programs, by the tool's output schema. Words of members stand in it within envelopes only. */
  readonly data: Readonly<Record<string, unknown>>;
  /** What waits, where the tool has asked for it already; its text says it then. */
  readonly pending?: Pending | undefined;
}

/** One tool of the server. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: JsonSchema;
  readonly output: JsonSchema;
  /** It changes nothing, neither in a moot nor what counts as read. */
  readonly onlyLooks: boolean;
  /** The same call again changes nothing more. */
  readonly isIdempotent: boolean;
  /** Others see what it does. */
  readonly speaks: boolean;
  run(call: ToolCall, args: Readonly<Record<string, unknown>>): Promise<ToolAnswer>;
}

/** An object schema that allows nothing else. `required`: keys without which there is no call. */
export function objectOf(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema {
  return { type: "object", properties, required: [...required], additionalProperties: false };
}

/** Text of at most `maxLength` UTF-16 units. */
export function textOf(description: string, maxLength: number): JsonSchema {
  return { type: "string", description, maxLength };
}

/** A whole number in a range. */
export function wholeOf(description: string, minimum: number, maximum: number): JsonSchema {
  return { type: "integer", description, minimum, maximum };
}

/** An argument that the schema says is text. */
export function textArgument(args: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = args[key];
  if (value === undefined || typeof value === "string") return value;
  throw new EntmootError("invalid_argument", `${key}: expected text, found ${typeof value}`);
}

export const ID_ARGUMENT: JsonSchema = textOf(
  `The message's id, whole as it was shown, or its first ${ID_START_MIN} characters or more.`,
  64,
);

/** The message that the argument `id` means, in a moot that this server speaks of. Throws as `whichMessage`. */
export function messageArgument(
  { node, only, signal }: ToolCall,
  args: Readonly<Record<string, unknown>>,
): Promise<NamedMessage> {
  return whichMessage("id", textArgument(args, "id") ?? "", { node, group_id: only, signal });
}
