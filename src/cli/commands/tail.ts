import type { ControlClient } from "../../control/control-client.ts";
import { ControlError } from "../../control/control-error.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { mootOfPlace, parsePlace } from "../../core/place.ts";
import { connect, openDaemon, openReading } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { type MootStatus, status } from "../../node/operations/daemon.ts";
import { backlog, type MessageRow, type WatchedPeer, watch } from "../../node/operations/messages.ts";
import { pause, unlessAborted } from "../../transport/wait.ts";
import { memberChangeJson } from "../../view/event-json.ts";
import { removedLines } from "../../view/roster-state-json.ts";
import { defineCommand, repeated } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs, parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { MessagePrinter, type PrintingEnd } from "../line/message-printer.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { parsePlaces } from "../line/place-argument.ts";
import { requirePattern } from "../line/topic-argument.ts";

const LABEL = "tail";
const COUNTS = { min: 1, max: Number.MAX_SAFE_INTEGER };
/** Ours. Between two tries to find a daemon that went away. */
const LOOK_AGAIN_MS = 250;
/** Ours. Between two tries of a full daemon, at first and at most. */
const PLACE_PAUSE_MS = 500;
const PLACE_PAUSE_MAX_MS = 15_000;
/** Ours. Who watched for so long had a place. */
const HAD_PLACE_MS = 10_000;

/** `tail`: messages as they arrive, each once, across restarts of the daemon. */
export const tail = defineCommand({
  meta: { name: "tail", description: "Print messages as they arrive" },
  help: {
    examples: [
      "entmootd tail -topic chat -n 10",
      "entmootd tail -after PLACE",
      "entmootd tail -after PLACE -count 1 -timeout 5m",
    ],
    exits: [0, 1, 2, 3, 5, 6, 8],
    notes: [
      "Every message once, in the order it arrived here. When the daemon restarts, tail waits and goes on where",
      "it stopped. With -after it goes on where an earlier line was printed: the place of a line is in it.",
      "A closed stdin does not end it; SIGINT and SIGTERM do, and so does the end of whoever reads what it prints.",
      "When this node is removed from a moot, it says so and goes on with the others; with -group it ends with status 2.",
      "With -count it ends once that many are printed, those of -n and -after among them; with -timeout too, after",
      "that time, with status 8 when they were fewer. With -timeout it waits for a daemon too; where none comes, status 6 without -count.",
      'With -members a change of members is a line with "event":"member", counted by no -count.',
      "-n prints by time: to go on from what a count cut off, use -after.",
    ],
  },
  args: {
    ...globalFlags,
    topic: {
      type: "string",
      valueHint: "PATTERN",
      defaultHint: "any topic",
      description: "only topics that match; + is one segment, # the rest",
    },
    group: { type: "string", valueHint: "GID", defaultHint: "all groups", description: "only this group" },
    n: { type: "string", default: "0", valueHint: "N", description: "first print the last N; -1 for all held" },
    after: {
      type: "string",
      repeatable: true,
      valueHint: "PLACE",
      description: "first print what arrived after; a seq with -group too",
    },
    count: { type: "string", valueHint: "N", defaultHint: "no end", description: "end once N are printed" },
    members: { type: "boolean", description: "also print members who are added, removed, or get another key" },
    timeout: { type: "string", valueHint: "D", defaultHint: "no end", description: "end after this time, such as 30s" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const last = parseLast(args.n);
    if (args.topic !== undefined) requirePattern(LABEL, args.topic);
    const after = parsePlaces(LABEL, repeated(args.after), args.group !== undefined);
    if (after.length > 0 && last !== 0) {
      throw new EntmootError("invalid_argument", `${LABEL}: -n and -after: give one of them`);
    }
    using printer = new MessagePrinter(parseEnd(args));
    const groupId = await parseGroup(args.group, { options, signal: printer.signal });
    const asked = {
      groupId,
      // Said also where nothing is filtered: a daemon that is not updated yet insists on it.
      topic: args.topic ?? "#",
      members: args.members ?? false,
      printer,
    };
    await namedFailure(
      LABEL,
      async () => {
        const pauses = new Pauses();
        const seen = await printBacklog(options, { ...asked, last, after, pauses });
        await follow(options, { ...asked, seen, pauses });
        printer.requireCount(LABEL);
      },
      { codes: false },
    );
  },
});

/** A daemon that hangs holds up nobody who asks it for a name either. */
async function parseGroup(
  text: string | undefined,
  { options, signal }: { readonly options: GlobalOptions; readonly signal: AbortSignal },
): Promise<GroupId | undefined> {
  return text === undefined ? undefined : await unlessAborted(parseMoot(LABEL, text, { options }), signal);
}

interface TailRequest {
  /** `undefined`: all groups. */
  readonly groupId: GroupId | undefined;
  readonly topic: string;
  /** Whether changes of members are lines too. */
  readonly members: boolean;
  readonly printer: MessagePrinter;
}

interface BacklogRequest extends TailRequest {
  readonly last: number;
  readonly after: readonly string[];
}

/** Where each moot's log was read to, by the name a place has for the moot. */
type Seen = Map<string, string>;

/** Prints what is wanted of what is held; gives the places from which the live part goes on, so that nothing falls between. */
async function printBacklog(
  options: GlobalOptions,
  { pauses, ...request }: BacklogRequest & { readonly pauses: Pauses },
): Promise<Seen> {
  const { signal } = request.printer;
  for (;;) {
    try {
      return await readBacklog(options, request);
    } catch (error) {
      if (!isRefusedForNow(error)) throw error;
      await pauses.wait(error.message, signal);
    }
  }
}

async function readBacklog(
  options: GlobalOptions,
  { after, groupId, last, printer, topic }: BacklogRequest,
): Promise<Seen> {
  const { signal } = printer;
  // A daemon that hangs does not hold up the end.
  await using node = await unlessAborted(openReading(options), signal);
  if (node === undefined || signal.aborted) return new Map();
  try {
    const { places, unread } = await node.call(
      backlog,
      { group_id: groupId, topic, last: last < 0 ? "all" : last, ...(after.length === 0 ? {} : { after }) },
      { signal, onEvent: (row) => printer.print(row) },
    );
    for (const { reason } of unread) printProse(`${LABEL}: ${reason}; it is left out`);
    return new Map(places.map((place) => [parsePlace(place).moot, place]));
  } catch (error) {
    if (!signal.aborted) throw error;
    return new Map();
  }
}

/** The places in moots that the daemon has: one that it could not open after a restart is no reason to end. */
async function placesIn(
  daemon: ControlClient,
  { memberships, seen }: { readonly memberships: Memberships; readonly seen: Seen },
  signal: AbortSignal,
): Promise<string[]> {
  // An original's daemon begins with what is new in any case, and has no such answer.
  if ((await unlessAborted(daemon.isOriginal(), signal)) !== false) return [];
  const { groups } = await daemon.call(status, {}, { signal });
  for (const moot of groups) memberships.note(moot);
  const open = new Set(groups.map((group) => mootOfPlace(group.group_id)));
  return [...seen].filter(([moot]) => open.has(moot)).map(([, place]) => place);
}

/** A moot that could not be opened for a while comes from its first message: what was printed is not printed again. */
function wasSeen({ group_id, place, seq }: MessageRow, seen: Seen): boolean {
  const last = seen.get(mootOfPlace(group_id));
  if (place === "" || last === undefined) return false;
  const before = parsePlace(last);
  return before.log === parsePlace(place).log && seq <= before.seq;
}

/**
 * Prints what arrives until `signal` aborts. Throws `control_unavailable` when there is no daemon to begin with: at
 * once, or when it is known how long to wait for messages, and so for a daemon, once that time is up.
 */
async function follow(
  options: GlobalOptions,
  { groupId, members, pauses, printer, seen, topic }: TailRequest & { readonly seen: Seen; readonly pauses: Pauses },
): Promise<void> {
  const { signal } = printer;
  if (signal.aborted) return;
  const memberships = new Memberships(printer, groupId);
  let absent: unknown;
  let daemon = await unlessAborted(openDaemon(options), signal).catch((error: unknown) => {
    if (!printer.isTimed || !isAbsent(error)) throw error;
    absent = error;
    printProse(`${LABEL}: ${textOf(error)}; waiting for one`);
    return waitForDaemon(options, signal);
  });
  if (daemon === undefined && absent !== undefined && printer.isOver) throw absent;
  while (daemon !== undefined) {
    await using current = daemon;
    const began = realClock.steady();
    let refusal: string | undefined;
    try {
      const after = await placesIn(current, { memberships, seen }, signal);
      if (signal.aborted) return;
      await current.call(
        watch,
        { group_id: groupId, topic, after, ...(members ? { members } : {}) },
        {
          signal,
          onEvent(event) {
            if (event.kind === "unread") printProse(`${LABEL}: ${event.reason}; it is left out until it can be read`);
            if (event.kind === "peer" && members && isMembership(event)) printer.note(memberChangeJson(event));
            if (event.kind === "peer" && event.self && event.event === "left") memberships.removed(event.group_id);
            if (event.kind !== "message" || wasSeen(event, seen)) return;
            printer.print(event);
            // An original daemon names no places.
            if (event.place !== "") seen.set(mootOfPlace(event.group_id), event.place);
          },
        },
      );
    } catch (error) {
      if (!signal.aborted && !isLost(error)) throw error;
      if (isRefusedForNow(error)) refusal = error.message;
    }
    if (signal.aborted) return;
    if (realClock.steady() - began > HAD_PLACE_MS) pauses.startOver();
    if (refusal === undefined) {
      printProse(`${LABEL}: the daemon has gone; waiting for it to come back`);
      daemon = await waitForDaemon(options, signal);
      if (daemon !== undefined) printProse(`${LABEL}: the daemon is back; going on where it stopped`);
    } else {
      await current[Symbol.asyncDispose]();
      await pauses.wait(refusal, signal);
      daemon = await waitForDaemon(options, signal);
    }
  }
}

/** Of which moots this node is no member: nothing new comes of them, and whoever waits for one alone waits in vain. */
class Memberships {
  readonly #printer: MessagePrinter;
  /** The only moot that is printed. */
  readonly #only: GroupId | undefined;
  readonly #told = new Set<GroupId>();

  constructor(printer: MessagePrinter, only: GroupId | undefined) {
    this.#printer = printer;
    this.#only = only;
  }

  /** What is so when a daemon is found. */
  note(moot: MootStatus): void {
    const { group_id: groupId, local_member: isMember } = moot;
    if (isMember) this.#told.delete(groupId);
    else if (!this.#told.has(groupId)) this.removed(groupId, removedLines(moot).join("; "));
  }

  /** `why`: what ended it, where that is known. */
  removed(groupId: GroupId, why?: string): void {
    this.#told.add(groupId);
    if (this.#only === undefined || groupId === this.#only) this.#tell(groupId, why);
  }

  #tell(groupId: GroupId, why = `this node is no member of the moot ${GroupId.toBase64(groupId)} any more`): void {
    const what = `${LABEL}: ${why}: nothing new comes of it; its founder can add this node again`;
    if (this.#only === undefined) printProse(what);
    else this.#printer.end(new EntmootError("not_member", what));
  }
}

/** Waits for a place between tries: longer each time, and not in step with others who wait. */
class Pauses {
  /** 0 before the first. */
  lastMs = 0;

  async wait(refusal: string, signal: AbortSignal): Promise<void> {
    // Said once, however often it is refused until there is a place.
    if (this.lastMs === 0) printProse(`${LABEL}: ${refusal}; waiting for a place, then going on where it stopped`);
    this.lastMs = Math.min(PLACE_PAUSE_MAX_MS, Math.max(PLACE_PAUSE_MS, this.lastMs * 2));
    await pause(realClock, this.lastMs * (0.5 + Math.random() / 2), signal);
  }

  /** There was a place. */
  startOver(): void {
    this.lastMs = 0;
  }
}

async function waitForDaemon(options: GlobalOptions, signal: AbortSignal): Promise<ControlClient | undefined> {
  while (!signal.aborted) {
    const daemon = await connect(options).catch(() => undefined);
    if (daemon !== undefined) return daemon;
    await pause(realClock, LOOK_AGAIN_MS, signal);
  }
  return undefined;
}

/** No daemon was found, as opposed to one that may not be asked. */
function isAbsent(error: unknown): boolean {
  return error instanceof EntmootError && !(error instanceof ControlError) && error.code === "control_unavailable";
}

function isMembership({ event }: WatchedPeer): boolean {
  return event === "joined" || event === "left";
}

/** The daemon itself says that it cannot just now. */
function isRefusedForNow(error: unknown): error is ControlError {
  return error instanceof ControlError && error.code === "unavailable";
}

/** The connection broke, as opposed to the daemon saying no. */
function isLost(error: unknown): boolean {
  if (error instanceof ControlError) return error.code === "unavailable";
  return error instanceof EntmootError && (error.code === "unavailable" || error.code === "control_unavailable");
}

function parseEnd({
  count,
  timeout,
}: {
  readonly count?: string | undefined;
  readonly timeout?: string | undefined;
}): PrintingEnd {
  const most = count === undefined ? undefined : parseInteger(`${LABEL}: -count`, count, COUNTS);
  const timeoutMs = timeout === undefined ? undefined : parseDurationMs(`${LABEL}: -timeout`, timeout);
  if (timeoutMs !== undefined && timeoutMs <= 0) {
    throw new EntmootError("invalid_argument", `${LABEL}: -timeout: expected more than 0, found ${timeout}`);
  }
  return { count: most, timeoutMs };
}

function parseLast(text: string): number {
  if (/^-(?!1$)\d+$/.test(trimSpace(text))) throw new EntmootError("invalid_argument", `${LABEL}: -n must be >= -1`);
  return parseInteger(`${LABEL}: -n`, text, { min: -1, max: Number.MAX_SAFE_INTEGER });
}
