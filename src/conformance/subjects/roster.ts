import { EntmootError } from "../../core/errors.ts";
import { encodeWire } from "../../core/json/json-codec.ts";
import { rosterEntry as codec } from "../../core/record/record-codecs.ts";
import type { NodeInfo } from "../../core/record/records.ts";
import { decodeRosterEntry, rosterEntryCanonical, rosterEntrySigningForm } from "../../core/roster/roster-entry.ts";
import { formatRosterLog, parseRosterLog } from "../../core/roster/roster-file.ts";
import { RosterLog } from "../../core/roster/roster-log.ts";
import { hexField, hexListField, objectField, objectListField, textField } from "../fields.ts";
import { expectEqual, type Subject, type VectorCase } from "../subject.ts";

export const subject: Subject = { kinds: { log: checkLog, load: checkLoad, sync: checkSync } };

/** Damage of a kind that any reader must cope with; other files may be refused. */
const MUST_LOAD: ReadonlySet<string> = new Set(
  ["good", "no-final-newline", "blank-lines", "crlf", "space-only-line", "torn-last-line", "empty-file"].map(
    (name) => `load/${name}`,
  ),
);

function checkLog(vector: VectorCase): void {
  let log = RosterLog.empty;
  for (const step of objectListField(vector, "steps")) {
    const entry = decodeRosterEntry(hexField(step, "wire"));
    expectEqual(encodeWire(codec, entry), hexField(step, "wire"));
    expectEqual(rosterEntryCanonical(entry), hexField(step, "canonical"));
    expectEqual(rosterEntrySigningForm(entry), hexField(step, "signing"));
    expectEqual(entry.id, textField(step, "id"));
    expectEqual(entry.signature, hexField(step, "signature"));
    const via = textField(step, "via");
    expectEqual(["accept_genesis", "apply"].includes(via), true);
    const outcome = via === "accept_genesis" ? log.acceptGenesis(entry) : log.apply(entry);
    expectEqual(outcome.ok ? "ok" : outcome.rejection, textField(step, "expect"));
    if (outcome.ok) log = outcome.log;
  }
  expectState(log, objectField(vector, "state"));
  const file = hexField(vector, "file");
  expectEqual(formatRosterLog(log), file);
  expectState(parseRosterLog(file).log, objectField(vector, "state"));
}

function checkLoad(vector: VectorCase): void {
  const file = hexField(vector, "file");
  expectEqual("ok", textField(vector, "expect"));
  const state = objectField(vector, "state");
  const ids = hexListField(vector, "entry_ids");
  const appended = vector.append === undefined ? undefined : appendedOf(vector);
  let log: RosterLog;
  try {
    ({ log } = parseRosterLog(file));
  } catch (error) {
    const isRefusal = error instanceof EntmootError && error.code === "data_root_invalid";
    if (isRefusal && !MUST_LOAD.has(vector.name)) return;
    throw error;
  }
  expectState(log, state);
  expectEqual(
    log.entries.map((entry) => entry.id),
    ids.map((id) => id.toHex()),
  );
  if (appended === undefined) return;
  const outcome = log.apply(appended.entry);
  expectEqual(outcome.ok ? "ok" : outcome.rejection, appended.expect);
  const line = Buffer.concat([rosterEntryCanonical(appended.entry), LINE_FEED]);
  expectEqual(new Uint8Array(Buffer.concat([file, line])), appended.file);
  // The original glues the line to an unfinished last one and loses both; our repair ends that one first.
  const isWhole = file.at(-1) === LINE_FEED[0];
  const kept = isWhole ? appended.file : file.subarray(0, file.lastIndexOf(LINE_FEED[0]!) + 1);
  expectState(parseRosterLog(kept).log, appended.state);
  if (outcome.ok) expectEqual(parseRosterLog(formatRosterLog(outcome.log)).log.entries, outcome.log.entries);
}

const LINE_FEED = Uint8Array.of(0x0a);

/** What is appended after loading, and what the original has then. */
function appendedOf(vector: VectorCase) {
  return {
    entry: decodeRosterEntry(hexField(vector, "append")),
    expect: textField(vector, "append_expect"),
    file: hexField(vector, "file_after_append"),
    state: objectField(vector, "state_after_reload"),
  };
}

function checkSync(vector: VectorCase): void {
  const local = hexListField(vector, "local").map(decodeRosterEntry);
  const response = hexListField(vector, "response").map(decodeRosterEntry);
  const start = local.length === 0 ? RosterLog.empty : RosterLog.empty.sync(local).log;
  expectEqual(start.entries.length, local.length);
  const outcome = start.sync(response);
  expectEqual(outcome.stopped ?? "ok", textField(vector, "expect"));
  expectEqual(start.entries.length + outcome.applied.length, outcome.log.entries.length);
  expectState(outcome.log, objectField(vector, "state"));
}

function expectState(log: RosterLog, state: VectorCase): void {
  expectEqual(
    {
      entries: log.entries.length,
      founder: log.founder === undefined ? null : printNode(log.founder),
      head: log.head,
      members: log.members.map(printNode),
    },
    state,
  );
}

/** As the vectors print it: a null key is an empty text. */
function printNode({ pilot_node_id, entmoot_pubkey }: NodeInfo) {
  return { entmoot_pubkey: entmoot_pubkey?.toHex() ?? "", pilot_node_id };
}
