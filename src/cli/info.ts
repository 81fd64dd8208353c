import { existsSync } from "node:fs";
import { GroupId, MerkleRoot, RosterEntryId } from "../core/ids.ts";
import type { NodeStatus } from "../node/operations.ts";
import { defineCommand } from "./command.ts";
import { namedFailure } from "./command-error.ts";
import { type GlobalOptions, globalFlags, parseGlobalOptions } from "./global-flags.ts";
import { forDataRoot } from "./hints.ts";
import { openOperations } from "./open-operations.ts";
import { printJson, printProse } from "./print.ts";

/** `info`: this node, its groups and whether a daemon runs. Never creates anything. */
export const info = defineCommand({
  meta: { name: "info", description: "Show this node, its moots and the running daemon" },
  help: {
    examples: ["entmootd info"],
    exits: [0, 1, 5],
    notes: ["merkle_root is base64; two members with equal roots hold the same messages in the same order."],
  },
  args: {
    ...globalFlags,
    json: { type: "boolean", description: "accepted for symmetry; the output is JSON either way" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    await namedFailure("info", async () => {
      if (await isEmpty(options)) {
        const hint = `info: no identity yet at ${options.identityPath}; "entmootd up" or "entmootd serve" creates one`;
        printProse(forDataRoot(hint, args.data));
        printJson(emptyInfo(options));
        return;
      }
      await using node = await openOperations(options, { create: false, change: false });
      printJson({ ...infoJson(await node.status()), ...(await lastUpdate(options.dataDir)) });
    });
  },
});

/** There is neither an identity nor a group. Looked at only where it is cheap: an identity settles it. */
async function isEmpty(options: GlobalOptions): Promise<boolean> {
  if (existsSync(options.identityPath) || existsSync(`${options.dataDir}/control.sock`)) return false;
  // Loaded only here: beside a daemon, `info` needs no database.
  const { openForReading } = await import("./read-root.ts");
  using root = openForReading(options);
  return root.groupIds().length === 0;
}

/** How the last change of this program went, where there was one. */
async function lastUpdate(dataDir: string): Promise<{ last_update?: unknown }> {
  if (!existsSync(`${dataDir}/last-update.json`)) return {};
  const { readUpdateRecord } = await import("../update/update-record.ts");
  const record = readUpdateRecord(dataDir);
  return record === undefined ? {} : { last_update: record };
}

function emptyInfo({ dataDir, identityPath, listenPort }: GlobalOptions) {
  return {
    pilot_node_id: 0,
    entmoot_pubkey: null,
    listen_port: listenPort,
    data_dir: dataDir,
    groups: [],
    running: false,
    identity_path: identityPath,
  };
}

/** The original's keys in its order, then ours. */
export function infoJson(status: NodeStatus) {
  return {
    pilot_node_id: status.pilot_node_id,
    entmoot_pubkey: status.entmoot_pubkey.toBase64(),
    listen_port: status.listen_port,
    data_dir: status.data_dir,
    groups: status.groups.map((group) => ({
      group_id: GroupId.toBase64(group.group_id),
      members: group.members,
      messages: group.messages,
      merkle_root: MerkleRoot.toBase64(group.merkle_root),
      ...(group.name === "" ? {} : { name: group.name }),
      roster_head: RosterEntryId.toBase64(group.roster_head),
      local_node_id: group.local_node_id,
      local_member: group.local_member,
      founder: group.founder,
    })),
    running: status.running,
    ...(status.running ? { version: status.version, pid: status.pid, started_at_ms: status.started_at_ms } : {}),
    identity_path: status.identity_path,
    transport: status.transport,
  };
}
