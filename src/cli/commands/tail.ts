import type { ControlClient } from "../../control/control-client.ts";
import { ControlError } from "../../control/control-error.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { mootOfPlace, parsePlace } from "../../core/place.ts";
import { connect, forgetSilence, openAnswering, openReading } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { type MootStatus, status } from "../../node/operations/daemon.ts";
import { backlog, type MessageRow, type WatchedPeer, watch } from "../../node/operations/messages.ts";
import { pause, unlessAborted } from "../../transport/wait.ts";
import { memberChangeJson, presenceJson, receiptJson } from "../../view/event-json.ts";
import { removedLines } from "../../view/roster-state-json.ts";
import { defineCommand, repeated } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs, parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { MessagePrinter, type PrintingEnd } from "../line/message-printer.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { type After, isAfter, parseAfter } from "../line/place-argument.ts";
import { placesAsked, tell, tellLeftOut, tellPassedOver } from "../line/places-asked.ts";
import { requirePattern } from "../line/topic-argument.ts";

const LABEL = "tail";
const COUNTS = { min: 1, max: Number.MAX_SAFE_INTEGER };
/** Ours. Between two tries to find a daemon that went away. */
const LOOK_AGAIN_MS = 250;
/** Ours. What one that was found has to answer, before it is looked for anew. */
const ANSWER_MS = 5_000;
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
    words: ["topic"],
    notes: [
      "Every message once, in the order it arrived here. When the daemon restarts, tail waits and goes on where",
      "it stopped. With -after it goes on where an earlier line was printed: the place of a line is in it.",
      "A closed stdin does not end it; SIGINT and SIGTERM do, and so does the end of whoever reads what it prints.",
      "When this node is removed from a moot, it says so and goes on with the others; with -group it ends with status 2.",
      "With -count it ends once that many are printed, those of -n and -after among them; with -timeout too, after",
      "that time, with status 8 when they were fewer. With -timeout it waits for a daemon too; where none comes, status 6 without -count.",
      'With -members a change of members is a line with "event":"member", counted by no -count.',
      'With -receipts there are lines with "event":"receipt" and "event":"presence", counted by no -count either.',
      "-n prints by time: to go on from what a count cut off, use -after.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
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
      description:
        "first print what arrived after; a seq with -group too; GID:0 for all of a moot, all:0 of those not named",
    },
    count: { type: "string", valueHint: "N", defaultHint: "no end", description: "end once N are printed" },
    members: { type: "boolean", description: "also print members who are added, removed, or get another key" },
    receipts: {
      type: "boolean",
      description: "also print what becomes of your messages, and who begins or ceases to listen",
    },
    timeout: { type: "string", valueHint: "D", defaultHint: "no end", description: "end after this time, such as 30s" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const last = parseLast(args.n);
    if (args.topic !== undefined) requirePattern(LABEL, args.topic);
    const after = parseAfter(LABEL, repeated(args.after), args.group !== undefined);
    if (isAfter(after) && last !== 0) {
      throw new EntmootError("invalid_argument", `${LABEL}: -n and -after: give one of them`);
    }
    const end = parseEnd(args);
    using printer = new MessagePrinter(end);
    // What is held is printed well before the time is up, whatever the daemon does.
    const answerMs = end.timeoutMs === undefined ? undefined : Math.ceil(end.timeoutMs / 2);
    const groupId = await orWait(options, printer, () =>
      parseGroup(args.group, { options, answerMs, signal: printer.signal }),
    );
    const asked = {
      groupId,
      answerMs,
      // Said also where nothing is filtered: a daemon that is not updated yet insists on it.
      topic: args.topic ?? "#",
      members: args.members ?? false,
      receipts: args.receipts ?? false,
      printer,
    };
    await namedFailure(LABEL, async () => {
      const pauses = new Pauses();
      const read = await printBacklog(options, { ...asked, last, after, pauses });
      await follow(options, { ...asked, ...read, pauses });
      printer.requireCount(LABEL);
    });
  },
});

/** A daemon that hangs holds up nobody who asks it for a name either. */
async function parseGroup(
  text: string | undefined,
  { answerMs, options, signal }: Pick<TailRequest, "answerMs"> & { options: GlobalOptions; signal: AbortSignal },
): Promise<GroupId | undefined> {
  if (text === undefined) return undefined;
  return await unlessAborted(parseMoot(LABEL, text, { options, timeoutMs: answerMs }), signal);
}

interface TailRequest {
  /** `undefined`: all groups. */
  readonly groupId: GroupId | undefined;
  /** What a daemon has to answer before the files are read instead; `undefined`: the usual time. */
  readonly answerMs: number | undefined;
  readonly topic: string;
  /** Whether changes of members are lines too. */
  readonly members: boolean;
  /** Whether receipts and presence are. */
  readonly receipts: boolean;
  readonly printer: MessagePrinter;
}

interface BacklogRequest extends TailRequest {
  readonly last: number;
  readonly after: After;
}

/** Where each moot's log was read to, by the name a place has for the moot. */
type Seen = Map<string, string>;

/** How far the logs were read before what is live. */
interface ReadUpTo {
  readonly seen: Seen;
  /** Moots that could not be read, and of which nothing but what is new is wanted. */
  readonly fresh: Set<GroupId>;
}

const NOTHING_READ = (): ReadUpTo => ({ seen: new Map(), fresh: new Set() });

/** Prints what is wanted of what is held; gives the places from which the live part goes on, so that nothing falls between. */
async function printBacklog(
  options: GlobalOptions,
  { pauses, ...request }: BacklogRequest & { readonly pauses: Pauses },
): Promise<ReadUpTo> {
  const { signal } = request.printer;
  for (;;) {
    try {
      const read = await orWait(options, request.printer, () => readBacklog(options, request));
      return read ?? NOTHING_READ();
    } catch (error) {
      if (!isRefusedForNow(error)) throw error;
      await pauses.wait(error.message, signal);
    }
  }
}

async function readBacklog(
  options: GlobalOptions,
  { after, answerMs, groupId, last, printer, topic }: BacklogRequest,
): Promise<ReadUpTo> {
  const { signal } = printer;
  // A daemon that hangs does not hold up the end.
  await using node = await unlessAborted(openReading(options, answerMs), signal);
  if (node === undefined && printer.isOver) throw unanswered();
  if (node === undefined || signal.aborted) return NOTHING_READ();
  try {
    const asked = await placesAsked(node, after, { label: LABEL, options, groupId, signal });
    const { places, unread } = await node.call(
      backlog,
      {
        group_id: groupId,
        topic,
        last: last < 0 ? "all" : last,
        ...(asked.places.length === 0 ? {} : { after: asked.places }),
      },
      { signal, onEvent: (row) => printer.print(row) },
    );
    for (const moot of unread) tellLeftOut(LABEL, moot);
    await tellPassedOver(asked, { label: LABEL, options });
    // Of one that could not be read the place asked for is where it goes on once it can be.
    const given = groupId === undefined ? asked.places : [];
    const seen = new Map([...given, ...places].map((place) => [parsePlace(place).moot, place]));
    const isWhole = (id: GroupId) => last < 0 || after.others || after.whole.includes(id);
    const unknown = unread.map(({ group_id }) => group_id).filter((id) => !seen.has(mootOfPlace(id)));
    return { seen, fresh: new Set(unknown.filter((id) => !isWhole(id))) };
  } catch (error) {
    if (!signal.aborted) throw error;
    return NOTHING_READ();
  }
}

/** From where a daemon goes on. One that it could not open after a restart goes on there once it can be opened. */
async function goingOn(
  daemon: ControlClient,
  { fresh, memberships, seen }: ReadUpTo & { readonly memberships: Memberships },
  signal: AbortSignal,
): Promise<{ readonly after: string[]; readonly unread?: readonly GroupId[] }> {
  // An original's daemon begins with what is new in any case, and has no such answer.
  if ((await unlessAborted(daemon.isOriginal(), signal)) !== false) return { after: [] };
  const { groups, unopened } = await daemon.call(status, {}, { signal });
  for (const moot of groups) memberships.note(moot);
  // One that was taken away meanwhile is no reason to end.
  const here = new Set([...groups, ...unopened].map(({ group_id }) => mootOfPlace(group_id)));
  const after = [...seen].filter(([moot]) => here.has(moot)).map(([, place]) => place);
  return { after, ...(fresh.size === 0 ? {} : { unread: [...fresh] }) };
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
  {
    answerMs,
    fresh,
    groupId,
    members,
    pauses,
    printer,
    receipts,
    seen,
    topic,
  }: TailRequest & ReadUpTo & { readonly pauses: Pauses },
): Promise<void> {
  const { signal } = printer;
  if (signal.aborted) return;
  const memberships = new Memberships(printer, groupId);
  let absent: unknown;
  let daemon = await unlessAborted(openAnswering(options, answerMs), signal).catch((error: unknown) => {
    if (!printer.isTimed || !isAbsent(error)) throw error;
    absent = error;
    printProse(`${LABEL}: ${textOf(error)}; waiting for one`);
    return waitForDaemon(options, signal);
  });
  if (daemon === undefined && printer.isOver) throw absent ?? unanswered();
  while (daemon !== undefined) {
    await using current = daemon;
    const began = realClock.steady();
    let refusal: string | undefined;
    try {
      const from = await goingOn(current, { fresh, memberships, seen }, signal);
      if (signal.aborted) return;
      await current.call(
        watch,
        {
          group_id: groupId,
          topic,
          ...from,
          ...(members ? { members } : {}),
          ...(receipts ? { receipts, presence: true } : {}),
        },
        {
          signal,
          onEvent(event) {
            if (event.kind === "unread") tellLeftOut(LABEL, event, " until it can be read");
            if (event.kind === "peer" && members && isMembership(event)) printer.note(memberChangeJson(event));
            if (event.kind === "receipt") printer.note(receiptJson(event));
            if (event.kind === "presence") printer.note(presenceJson(event));
            if (event.kind === "peer" && event.self && event.event === "left") memberships.removed(event.group_id);
            if (event.kind !== "message" || wasSeen(event, seen)) return;
            printer.print(event);
            fresh.delete(event.group_id);
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
    if (this.#only === undefined) tell(what, { group_id: GroupId.toBase64(groupId) });
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

/**
 * Over an agents' socket nothing can be read without a daemon: where it is known how long to wait, one is waited for first.
 * `undefined` when the end came before it did. Throws `control_unavailable` once the time is up.
 */
async function orWait<T>(
  options: GlobalOptions,
  printer: MessagePrinter,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (options.agentSocket === undefined || !printer.isTimed || !isAbsent(error)) throw error;
    if (!printer.signal.aborted) printProse(`${LABEL}: ${textOf(error)}; waiting for one`);
    await using daemon = await waitForDaemon(options, printer.signal);
    if (daemon !== undefined) return await work();
    if (printer.isOver) throw error;
    return undefined;
  }
}

async function waitForDaemon(options: GlobalOptions, signal: AbortSignal): Promise<ControlClient | undefined> {
  while (!signal.aborted) {
    const daemon = await connect(options).catch(() => undefined);
    if (daemon !== undefined) {
      // One that hangs is waited for until it goes on, or another takes its place.
      if (await unlessAborted(daemon.answers(ANSWER_MS), signal).catch(() => false)) {
        forgetSilence(options);
        return daemon;
      }
      await daemon[Symbol.asyncDispose]();
    }
    await pause(realClock, LOOK_AGAIN_MS, signal);
  }
  return undefined;
}

function unanswered(): EntmootError {
  return new EntmootError("control_unavailable", `${LABEL}: no daemon answered in the time; see "entmootd env"`);
}

/** No daemon was found, as opposed to one that may not be asked. */
function isAbsent(error: unknown): boolean {
  return error instanceof EntmootError && !(error instanceof ControlError) && error.code === "control_unavailable";
}

function isMembership({ event }: WatchedPeer): boolean {
  return event === "joined" || event === "left" || event === "leaves";
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
