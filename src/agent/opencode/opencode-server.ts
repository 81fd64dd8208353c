import * as v from "valibot";
import type { Clock } from "../../core/clock.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { Deadline } from "../../transport/wait.ts";
import { ownSocket } from "../own-socket.ts";

/** Ours. Messages of a session with all that its tools gave stand in one answer. */
const ANSWER_MAX = 8 * 1024 * 1024;
/** Ours. First answers after a start may never come: what changes nothing is asked again soon. */
const LOOK_MS = 5_000;
const LOOKS_MAX = 3;
/** Ours. What changes something is asked once, and given longer. */
const CHANGE_MS = 20_000;
/** Ours. What a server says when it says no. */
const REFUSAL_MAX = 500;

/** Where a server of opencode is reached. */
export type OpencodeAddress =
  /** The socket of our plugin, in the process itself. */
  | { readonly socket: string }
  /** A server that its user gave a port. */
  | { readonly url: string; readonly authorization: string | undefined };

/** What opencode's server said when it said no: nothing came of it. */
export class OpencodeNo extends Error {
  readonly status: number;

  constructor(status: number, words: string) {
    super(`${status} ${words.slice(0, REFUSAL_MAX)}`.trim());
    this.status = status;
  }
}

export interface OpencodeAnswer<Value> {
  readonly value: Value;
  /** Where older ones of a list go on; `undefined`: nowhere. */
  readonly next: string | undefined;
}

/** The HTTP server within an opencode, for the sessions of one folder. */
export class OpencodeServer {
  readonly #address: OpencodeAddress;
  readonly #clock: Clock;
  readonly #folder: string;

  constructor(address: OpencodeAddress, clock: Clock, folder: string) {
    this.#address = address;
    this.#clock = clock;
    this.#folder = folder;
  }

  /** Whether our plugin stands between, which tells what happened in this process. */
  get hasPlugin(): boolean {
    return "socket" in this.#address;
  }

  /** What stands at `path`. Throws `OpencodeNo`, `unavailable` where no answer comes or one of another shape. */
  async get<Schema extends v.GenericSchema>(
    path: string,
    schema: Schema,
    signal: AbortSignal,
  ): Promise<OpencodeAnswer<v.InferOutput<Schema>>> {
    for (let again = 1; ; again++) {
      try {
        const { next, text } = await this.#ask("GET", path, undefined, LOOK_MS, signal);
        return { value: parsed(path, text, schema), next };
      } catch (error) {
        const isSlow = error instanceof EntmootError && error.code === "timeout";
        if (!isSlow || again === LOOKS_MAX || signal.aborted) throw error;
      }
    }
  }

  /** Asks for a change, once. Throws as `get`; after anything but `OpencodeNo` it may have come about. */
  async post<Schema extends v.GenericSchema>(
    path: string,
    body: object,
    schema: Schema,
    signal: AbortSignal,
  ): Promise<v.InferOutput<Schema>> {
    const { text } = await this.#ask("POST", path, JSON.stringify(body), CHANGE_MS, signal);
    return parsed(path, text === "" ? "null" : text, schema);
  }

  async #ask(method: "GET" | "POST", path: string, body: string | undefined, maxMs: number, parent: AbortSignal) {
    using deadline = new Deadline(this.#clock, maxMs, parent);
    const { signal } = deadline;
    const [base, authorization, unix] =
      "socket" in this.#address
        ? ["http://localhost", undefined, ownSocket(this.#address.socket)]
        : [this.#address.url, this.#address.authorization, undefined];
    const url = new URL(path, base);
    url.searchParams.set("directory", this.#folder);
    const headers = { "content-type": "application/json", ...(authorization === undefined ? {} : { authorization }) };
    try {
      const response = await fetch(url, {
        method,
        headers,
        signal,
        redirect: "error",
        ...(body === undefined ? {} : { body }),
        ...(unix === undefined ? {} : { unix }),
      });
      const text = await boundedText(response);
      if (response.status >= 400 && response.status < 500) throw new OpencodeNo(response.status, text);
      if (!response.ok) throw new Error(`it failed: ${response.status}`);
      return { text, next: response.headers.get("x-next-cursor") ?? undefined };
    } catch (cause) {
      if (cause instanceof OpencodeNo) throw cause;
      if (signal.aborted && !parent.aborted) throw signal.reason;
      throw new EntmootError("unavailable", `opencode: ${method} ${path}: ${textOf(cause)}`, { cause });
    }
  }
}

async function boundedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > ANSWER_MAX) throw new Error(`expected an answer of at most ${ANSWER_MAX} bytes, found more`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function parsed<Schema extends v.GenericSchema>(path: string, text: string, schema: Schema): v.InferOutput<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new EntmootError("unavailable", `opencode: ${path}: expected JSON, found something else`);
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? "answer";
  throw new EntmootError("unavailable", `opencode: ${path}: ${where}: ${issue.message}; another version than is known`);
}
