import { existsSync } from "node:fs";
import { ControlClient } from "../../control/control-client.ts";
import { GroupId, PublicKey } from "../../core/ids.ts";
import { openOperations, silenceOf } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printProse } from "../../host/print.ts";
import { status } from "../../node/operations/daemon.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { emptyInfoJson, infoJson, originalInfoJson } from "../../view/info-json.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";

/** `info`: this node, its groups and whether a daemon runs. Never creates anything. */
export const info = defineCommand({
  meta: { name: "info", description: "Show this node, its moots and the running daemon" },
  help: {
    examples: ["entmootd info"],
    exits: [0, 1, 5, 6],
    notes: [
      "merkle_root is base64; two members with equal roots hold the same messages in the same order. voices are the agents of",
      "this machine with keys of their own, where there are any: whether each runs, its process, and the moots it is in.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    await namedFailure("info", async () => {
      if (await isEmpty(options)) {
        const hint = `info: no identity yet at ${options.identityPath}; "entmootd up" or "entmootd serve" creates one`;
        printProse(hint);
        printJson({ ...emptyInfoJson(options), ...(await tellAstray(options)) });
        return;
      }
      await using node = await openOperations(options, { create: false, change: false });
      const said = node instanceof ControlClient ? await node.describe() : { ours: await node.call(status, {}) };
      if ("original" in said) printJson(originalInfoJson(said.original));
      else {
        const astray = node instanceof ControlClient ? {} : await tellAstray(options);
        const hangs = hanging(silenceOf(options));
        const voices = await voicesShown(options, node);
        printJson({ ...infoJson(said.ours), ...astray, ...hangs, ...voices, ...(await lastUpdate(options)) });
      }
    });
  },
});

/** Where no daemon is reached: the one whose data root went under it, as `env` tells of it. */
async function tellAstray(options: GlobalOptions): Promise<{ faults?: readonly string[] }> {
  if (options.agentSocket !== undefined) return {};
  const { astrayText } = await import("../../daemon/daemon-astray.ts");
  const text = astrayText(options);
  if (text === undefined) return {};
  printProse(`info: ${text}`);
  return { faults: [text] };
}

/** There is neither an identity nor a group. Looked at only where it is cheap: an identity settles it. */
async function isEmpty(options: GlobalOptions): Promise<boolean> {
  if (
    options.agentSocket !== undefined ||
    existsSync(options.identityPath) ||
    existsSync(`${options.dataDir}/control.sock`)
  )
    return false;
  // Loaded only here: beside a daemon, `info` needs no database.
  const { holdsNothing } = await import("../../daemon/read-root.ts");
  return holdsNothing(options);
}

/** The voices of this data root; those of another one, behind an agents' socket, are its owner's. */
async function voicesShown({ agentSocket, dataDir }: GlobalOptions, node: Operations): Promise<{ voices?: unknown }> {
  if (agentSocket !== undefined || !existsSync(`${dataDir}/voices`)) return {};
  const { reportVoices } = await import("../../daemon/voice-report.ts");
  const found = await reportVoices(dataDir, node instanceof ControlClient ? node : undefined);
  if (found.length === 0) return {};
  return {
    voices: found.map(({ folder, groups, kept, key, name }) => ({
      data_dir: folder,
      entmoot_pubkey: key === undefined ? null : PublicKey.toBase64(key),
      ...(groups === undefined
        ? {}
        : { groups: groups.map((group) => ({ group_id: GroupId.toBase64(group.group_id), name: group.name })) }),
      name,
      pid: kept?.pid ?? null,
      running: kept?.state === "running",
      state: kept?.state ?? "ended",
    })),
  };
}

/** What was read from the files does not know of the daemon that runs and says nothing. */
function hanging(reason: string | undefined): { running?: true; faults?: readonly string[] } {
  return reason === undefined ? {} : { running: true, faults: [reason] };
}

/** How the last change of this program went, where there was one. Behind an agents' socket is another data root than ours. */
async function lastUpdate({ agentSocket, dataDir }: GlobalOptions): Promise<{ last_update?: unknown }> {
  if (agentSocket !== undefined || !existsSync(`${dataDir}/last-update.json`)) return {};
  const { readUpdateRecord } = await import("../../update/update-record.ts");
  const record = readUpdateRecord(dataDir);
  return record === undefined ? {} : { last_update: record };
}
