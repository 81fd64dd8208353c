import { ControlClient } from "../../control/control-client.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { connectToLook } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { openForReading } from "../../daemon/read-root.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { examine } from "../../node/doctor/examine.ts";
import { type NodeStatus, status } from "../../node/operations/daemon.ts";
import { PROBES_AT_ONCE } from "../../node/operations/diagnosis.ts";
import { MEMBERS_MAX, members, peers as peersOperation } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { plainTeller, redactingTeller } from "../../view/doctor-teller.ts";
import { peerReport, peerTable } from "../../view/peer-report.ts";
import { rosterStateLines } from "../../view/roster-state-json.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { whyOffline } from "../doctor/why-offline.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { oneMoot } from "../line/moot-argument.ts";

const LABEL = "peers";
/** Ours. A probe that may take longer than this says so first. */
const QUIET_MS = 2_000;
/** As many members as the node tells. */
const ALL = { rowsMax: MEMBERS_MAX, answerMax: Number.POSITIVE_INFINITY, bytesOf: () => 0 };

/** `peers`: the members of a group, how each is reached, and what to do about those that are not. */
export const peers = defineCommand({
  meta: { name: "peers", description: "Show how the members of a moot are reached" },
  help: {
    examples: ["entmootd peers -probe", "entmootd peers -group GID -json"],
    exits: [0, 1, 3, 5, 6],
    words: ["group"],
    notes: ["Works without a daemon too, and then says that none runs."],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    probe: { type: "boolean", description: "ask each peer for a sign of life" },
    timeout: { type: "string", default: "3s", valueHint: "D", description: "time for each probe, 250ms to 30s" },
    json: { type: "boolean", description: "print one JSON array" },
    redact: {
      type: "boolean",
      description: "leave out what names a person, a machine or a place, so that the report can be shown to others",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const groupId = await oneMoot(LABEL, args.group, { options });
    const timeoutMs = parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    await namedFailure(LABEL, async () => {
      await using node = await open(options, groupId);
      const daemon = node instanceof ControlClient;
      if (args.probe && daemon) await tellProbing(node, { groupId, timeoutMs, isRedacted: args.redact ?? false });
      const how = { clock: realClock, room: ALL, ...(daemon ? {} : { offline: await whyOffline(options) }) };
      const request = { group_id: groupId, probe: args.probe ?? false, timeout_ms: timeoutMs };
      const [moot] = (await joinedOnly(groupId, examine(node, request, how))).groups;
      const standing = args.redact ? undefined : await node.call(status, {});
      const teller = standing === undefined ? redactingTeller() : plainTeller(standing);
      const report = peerReport(moot?.peers ?? [], { daemon, isProbed: args.probe ?? false, teller });
      if (standing !== undefined) tellRosterState(standing, groupId);
      if (args.json) printJson(report);
      else for (const line of peerTable(report, (text) => terminalText(text, 64))) printLine(line);
    });
  },
});

/** A group that is not here is said to be missing before an identity is, or a data root. */
async function open(options: GlobalOptions, groupId: GroupId): Promise<Operations> {
  const daemon = await connectToLook(options);
  if (daemon !== undefined) {
    // Of all that is asked an original's knows nothing: it is refused by the one that says what to do about peers.
    if (await daemon.isOriginal()) await daemon.call(peersOperation, { group_id: groupId });
    return daemon;
  }
  await using held = openForReading(options);
  await held.call(members, { group_id: groupId });
  const { openOfflineNode } = await import("../../daemon/open-node.ts");
  return openOfflineNode(options, { create: false, change: false });
}

/** What stands against the list: that this node is out, that the roster has forked. */
function tellRosterState({ groups }: NodeStatus, groupId: GroupId): void {
  const moot = groups.find(({ group_id }) => group_id === groupId);
  for (const line of moot === undefined ? [] : rosterStateLines(moot)) printProse(`${LABEL}: ${line}`);
}

async function joinedOnly<T>(groupId: GroupId, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    if (!(cause instanceof EntmootError && cause.code === "group_not_found")) throw cause;
    throw new EntmootError(cause.code, `${LABEL}: group ${GroupId.toBase64(groupId)} not joined`, { cause });
  }
}

/** Says of a probe that may take long that it goes on. */
async function tellProbing(
  node: Operations,
  { groupId, isRedacted, timeoutMs }: { groupId: GroupId; isRedacted: boolean; timeoutMs: number },
): Promise<void> {
  const { groups } = await node.call(status, {});
  const others = (groups.find(({ group_id }) => group_id === groupId)?.members ?? 1) - 1;
  if (timeoutMs * Math.ceil(others / PROBES_AT_ONCE) <= QUIET_MS) return;
  const where = isRedacted ? "" : ` of group ${GroupId.toBase64(groupId)}`;
  printProse(`${LABEL}: asking ${others} ${others === 1 ? "peer" : "peers"}${where}`);
}
