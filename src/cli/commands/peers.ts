import { ControlClient } from "../../control/control-client.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { connectToLook } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { openForReading } from "../../daemon/read-root.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { status } from "../../node/operations/daemon.ts";
import {
  members,
  type PeerRow,
  PROBE_PEERS_MAX,
  type ProbeRow,
  peers as peersOperation,
  probe as probeOperation,
} from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { type PeerReportContext, peerReport, peerTable } from "../../view/peer-report.ts";
import { commandFor } from "../../view/readiness.ts";
import { rosterStateLines } from "../../view/roster-state-json.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { oneMoot } from "../line/moot-argument.ts";

const LABEL = "peers";
/** Ours. A probe that may take longer than this says so first. */
const QUIET_MS = 2_000;

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
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const groupId = await oneMoot(LABEL, args.group, { options });
    const timeoutMs = parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    await namedFailure(LABEL, async () => {
      await using node = await open(options, groupId);
      const client = node instanceof ControlClient ? node : undefined;
      let rows = await rowsOf(node, groupId);
      const probed = args.probe ? await probe(client, { groupId, rows, timeoutMs }) : undefined;
      // A probe that reached a peer has made a connection: the second look knows its route.
      if (args.probe && client !== undefined) rows = await rowsOf(node, groupId);
      const report = peerReport(rows, { groupId, daemon: client !== undefined, probed, command: await commands(node) });
      await tellRosterState(node, groupId);
      if (args.json) printJson(report);
      else for (const line of peerTable(report, (text) => terminalText(text, 64))) printLine(line);
    });
  },
});

/** A group that is not here is said to be missing before an identity is, or a data root. */
async function open(options: GlobalOptions, groupId: GroupId): Promise<Operations> {
  const daemon = await connectToLook(options);
  if (daemon !== undefined) return daemon;
  await using held = openForReading(options);
  await held.call(members, { group_id: groupId });
  const { openOfflineNode } = await import("../../daemon/open-node.ts");
  return openOfflineNode(options, { create: false, change: false });
}

async function rowsOf(node: Operations, groupId: GroupId): Promise<readonly PeerRow[]> {
  try {
    return (await node.call(peersOperation, { group_id: groupId })).peers;
  } catch (cause) {
    if (!(cause instanceof EntmootError && cause.code === "group_not_found")) throw cause;
    throw new EntmootError(cause.code, `${LABEL}: group ${GroupId.toBase64(groupId)} not joined`, { cause });
  }
}

/** What stands against the list: that this node is out, that the roster has forked. */
async function tellRosterState(node: Operations, groupId: GroupId): Promise<void> {
  const { groups } = await node.call(status, {});
  const moot = groups.find(({ group_id }) => group_id === groupId);
  for (const line of moot === undefined ? [] : rosterStateLines(moot)) printProse(`${LABEL}: ${line}`);
}

async function commands(node: Operations): Promise<PeerReportContext["command"]> {
  const found = await node.call(status, {});
  return (words) => commandFor(found, words);
}

/** One row per peer but ourselves; none where no daemon can ask. */
async function probe(
  client: ControlClient | undefined,
  { groupId, rows, timeoutMs }: { groupId: GroupId; rows: readonly PeerRow[]; timeoutMs: number },
): Promise<ReadonlyMap<number, ProbeRow>> {
  const others = rows.filter((row) => !row.self).map((row) => row.node_id);
  if (client === undefined || others.length === 0) return new Map();
  if (timeoutMs * Math.ceil(others.length / 4) > QUIET_MS) {
    printProse(
      `${LABEL}: asking ${others.length} ${others.length === 1 ? "peer" : "peers"} of group ${GroupId.toBase64(groupId)}`,
    );
  }
  const probed = new Map<number, ProbeRow>();
  for (let at = 0; at < others.length; at += PROBE_PEERS_MAX) {
    const request = { group_id: groupId, peers: others.slice(at, at + PROBE_PEERS_MAX), timeout_ms: timeoutMs };
    for (const row of (await client.call(probeOperation, request)).peers) probed.set(row.node_id, row);
  }
  return probed;
}
