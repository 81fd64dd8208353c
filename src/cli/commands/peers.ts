import { ControlClient } from "../../control/control-client.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { openForReading } from "../../daemon/read-root.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import type { ProbeRow } from "../../node/daemon-operations.ts";
import type { Operations } from "../../node/operations.ts";
import { type PeerReportContext, peerReport, peerTable } from "../../view/peer-report.ts";
import { commandFor } from "../../view/readiness.ts";
import { terminalText } from "../../view/terminal-text.ts";
import type { PeerRow } from "../../wire/control/peers-frames.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { namedGroup } from "../line/named-group.ts";

const LABEL = "peers";
/** Ours. A probe that may take longer than this says so first. */
const QUIET_MS = 2_000;

/** `peers`: the members of a group, how each is reached, and what to do about those that are not. */
export const peers = defineCommand({
  meta: { name: "peers", description: "Show how the members of a moot are reached" },
  help: {
    examples: ["entmootd peers -group GID -probe"],
    exits: [0, 1, 3, 5],
    notes: ["Works without a daemon too, and then says that none runs."],
  },
  args: {
    ...globalFlags,
    group: { type: "string", default: "", valueHint: "GID", description: "the group (required)" },
    probe: { type: "boolean", description: "ask each peer for a sign of life" },
    timeout: { type: "string", default: "3s", valueHint: "D", description: "time for each probe, 250ms to 30s" },
    json: { type: "boolean", description: "print one JSON array" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    if (args.group.trim() === "") throw new EntmootError("invalid_argument", `${LABEL}: -group is required`);
    const timeoutMs = parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    await namedFailure(LABEL, async () => {
      const groupId = knownGroup(options, args.group);
      await using node = await openOperations(options, { create: false, change: false });
      const client = node instanceof ControlClient ? node : undefined;
      let rows = await node.peers(groupId);
      const probed = args.probe ? await probe(client, { groupId, rows, timeoutMs }) : undefined;
      // A probe that reached a peer has made a connection: the second look knows its route.
      if (args.probe && client !== undefined) rows = await node.peers(groupId);
      const report = peerReport(rows, { groupId, daemon: client !== undefined, probed, command: await commands(node) });
      if (args.json) printJson(report);
      else for (const line of peerTable(report, (text) => terminalText(text, 64))) printLine(line);
    });
  },
});

function knownGroup(options: Parameters<typeof openForReading>[0], text: string): GroupId {
  using root = openForReading(options);
  return namedGroup(LABEL, root, text);
}

async function commands(node: Operations): Promise<PeerReportContext["command"]> {
  const status = await node.status();
  return (words) => commandFor(status, words);
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
  const answers = await client.probe({ groupId, peers: others, timeoutMs });
  return new Map(answers.map((row) => [row.node_id, row]));
}
