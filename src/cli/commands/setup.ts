import { join } from "node:path";
import { addEntry, entryText, hostVersion } from "../../agent/setup/set-up.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { hostPlaces, parseHost, serverEntry } from "../line/host-argument.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "setup";

/** `setup`: the entry alone by which a host starts `entmootd mcp`. */
export const setup = defineCommand({
  meta: { name: LABEL, description: "Let a host start this node's tools: one MCP entry, by the host's own command" },
  help: {
    examples: ["entmootd setup claude", "entmootd setup codex -print"],
    exits: [0, 1, 3, 5],
    words: ["host"],
    notes: [
      "HOST is claude, codex, opencode, gemini, cursor, copilot, goose or openclaw. The entry is of the folder that the",
      "command runs in, where the host has such, and of this data root's agents' socket. \"entmootd attach HOST\" writes the",
      "same entry and does more: it gives the agent a key of its own, tests the way, and can be taken back.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    host: { type: "positional", required: true, valueHint: "HOST", description: "which host" },
    print: { type: "boolean", description: "only show what would be done" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const host = parseHost(LABEL, args.host);
    const places = hostPlaces();
    const entry = serverEntry(options.agentSocket ?? join(options.dataDir, "agent.sock"));
    if (args.print === true) {
      printJson({ entry: { ...entry }, host: host.host, how: entryText(host.way(entry, places), host.program) });
      return;
    }
    requireOwner(options, LABEL);
    await namedFailure(LABEL, async () => {
      const parts = { clock: realClock, places };
      const version = await hostVersion(host, parts);
      const files = await addEntry(host, entry, parts);
      printProse(`${LABEL}: start ${host.title} again in ${places.project} for it to see the tools`);
      printJson({ event: "set_up", files: files.map(({ path }) => path), host: host.host, version });
    });
  },
});
