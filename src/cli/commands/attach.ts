import { attachmentHere, readAttachments } from "../../agent/setup/attachments.ts";
import { EntmootError } from "../../core/errors.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { printJson } from "../../host/print.ts";
import { askedFor, voiceName } from "../attach/asked-for.ts";
import { chooseDoor } from "../attach/chosen-door.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parsePatienceMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { hostPlaces, parseHost } from "../line/host-argument.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "attach";

/** `attach`: messages of a moot become turns in an agent that runs. */
export const attach = defineCommand({
  meta: { name: LABEL, description: "Let an agent hear its moot: a message becomes a turn in it, and it can answer" },
  help: {
    examples: [
      "entmootd attach claude",
      "entmootd attach codex -as oak -group council",
      "entmootd attach claude -door monitor",
      "entmootd attach opencode -url http://127.0.0.1:4096",
      "entmootd attach -- my-agent --chat",
      "entmootd attach -status",
    ],
    exits: [0, 1, 2, 3, 5, 6, 8],
    words: ["host"],
    effect: 'the host may be set up all the same; "entmootd attach -status" shows it',
    notes: [
      "HOST is claude, codex, opencode, gemini, cursor, copilot, goose or openclaw. The agent gets a voice: a data root with a",
      "key of its own below this one, named for the host and the folder (-as NAME names it), which joins this node's local",
      "moot, the moot of -group, or by -link. With -group and without -as the agent speaks as this node itself. Then the host's",
      "own command, or its file, gets one MCP entry, and a test message is published to the agent: where the host runs it is",
      "waited for, and what became of it is told (status 1: it was refused; 8: it did not come in within -wait); else the",
      "host's first start hears it. Hosts ask their user before a tool is called; what to allow is shown, and nothing is",
      "allowed unasked. Needs a daemon that runs.",
      "Claude Code hears by its inbox. Where its settings refuse what comes there, or the test shows that nothing comes in, a plugin",
      "of this machine is installed for this folder, whose monitor says the messages; -door chooses. Settings that hold what",
      "comes, or are of who manages this machine, are not gone round unless -door says so.",
      "With -- COMMAND the command runs in this terminal, and messages are typed into it while nobody is at work there.",
      "Options stand before the --. In a folder where the host is attached already it stays who it is unless -as, -group or -link",
      "say another. detach takes everything back.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    host: {
      type: "positional",
      required: false,
      variadic: true,
      valueHint: "HOST|-- COMMAND",
      description: "which host, or what to run",
    },
    as: { type: "string", valueHint: "VOICE", description: "the voice to speak as" },
    group: { type: "string", valueHint: "ID|NAME", description: "the moot to hear" },
    link: { type: "string", valueHint: "LINK", description: "a link by which the voice joins" },
    door: {
      type: "string",
      valueHint: "inbox|monitor",
      description:
        "Claude Code: by its inbox, or by the monitor of a plugin; absent: the monitor where the inbox is closed",
    },
    url: {
      type: "string",
      valueHint: "URL",
      description:
        "opencode: a server of it on this machine, as of opencode --port; OPENCODE_SERVER_PASSWORD is its password",
    },
    test: { type: "boolean", default: true, description: "publish a test message; -test=false: none" },
    wait: { type: "string", default: "60s", valueHint: "D", description: "how long a host that runs has to take it" },
    status: { type: "boolean", description: "only show what is attached, who listens, and what waits" },
    "dry-run": { type: "boolean", description: "only show what would be done" },
    agent: {
      type: "boolean",
      description: "with --: an agent reads the terminal, though the command looks like a shell",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    requireOwner(options, LABEL);
    const words = args._;
    await namedFailure(LABEL, async () => {
      if (args.status === true) return (await import("../attach/attach-status.ts")).showStatus(options);
      const [first, ...rest] = words;
      if (first === undefined) {
        throw new EntmootError("invalid_argument", `${LABEL}: expected a host, such as claude, or -- and a command`);
      }
      if (args.url !== undefined && (first !== "opencode" || !isHost(words))) {
        throw new EntmootError(
          "invalid_argument",
          `${LABEL}: -url is for opencode; ${first} has no server that it names`,
        );
      }
      if (args.door !== undefined && !isHost(words)) {
        throw new EntmootError("invalid_argument", `${LABEL}: -door is for claude; a command has the terminal alone`);
      }
      const waitMs = parsePatienceMs(`${LABEL}: -wait`, args.wait);
      const isTested = args.test !== false;
      if (isHost(words)) {
        const { attachHost } = await import("../attach/attach-host.ts");
        const setup = parseHost(LABEL, first);
        const before = attachmentHere(readAttachments(options.dataDir), setup, hostPlaces());
        const asked = { ...(await askedFor(options, args, voiceName(first, setup), before)), isTested };
        const door = chooseDoor(setup, hostPlaces(), { before: before?.door, word: args.door });
        const isDry = args["dry-run"] === true;
        return printJson(await attachHost(options, { ...asked, door, setup, isDry, url: args.url, waitMs }));
      }
      const { attachCommand } = await import("../attach/attach-command.ts");
      const asked = { ...(await askedFor(options, args, voiceName(first))), isTested };
      return attachCommand(options, { ...asked, command: first, args: rest, isAgent: args.agent === true });
    });
  },
});

/** What stands behind `--` is a command, whatever it is called; one word alone is a host. */
function isHost(words: readonly string[]): boolean {
  return words.length === 1 && !process.argv.includes("--");
}
