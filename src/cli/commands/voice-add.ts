import { GroupId } from "../../core/ids.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { parseVoiceName } from "../../daemon/voices.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { voice_add } from "../../node/operations/voices.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { requireLink } from "../line/link-argument.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "voice add";
/** Ours. After so long of waiting in silence, say so. */
const QUIET_MS = 2_000;

/** `voice add`: a data root, a key and a place in a moot for one agent. */
export const voiceAdd = defineCommand({
  meta: { name: "add", description: "Give an agent a key of its own, and let it join a moot" },
  help: {
    examples: ["entmootd voice add oak", "entmootd voice add oak -group council", "entmootd voice add oak -link LINK"],
    exits: [0, 1, 2, 3, 5, 6],
    words: ["name"],
    effect: 'the voice may be there all the same; "entmootd voice list" shows it',
    notes: [
      "A voice is a data root below this one, <data>/voices/NAME, with a daemon of its own that the running daemon keeps",
      "and ends. Without -group and -link it joins this node's local moot, which is founded with the first voice: invite",
      "only, for the agents of this machine. The same again changes nothing. Prints one JSON object.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    name: { type: "positional", required: true, valueHint: "NAME", description: "its name, also for others" },
    group: { type: "string", valueHint: "ID|NAME", description: "the moot it joins; this node makes the link" },
    link: {
      type: "string",
      valueHint: "LINK",
      description: "a link by which it joins, where this node cannot make one",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    requireOwner(options, LABEL);
    const name = parseVoiceName(LABEL, args.name);
    if (args.link !== undefined) requireLink(`${LABEL}: -link`, args.link);
    const group_id = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      await using daemon = await openDaemon(options);
      using _quiet = realClock.after(QUIET_MS, () => printProse(`${LABEL}: ${name} is starting and joining`));
      const added = await daemon.call(voice_add, { name, group_id, link: args.link });
      printJson({
        agent_socket: added.agent_socket,
        data_dir: added.data_dir,
        ...(added.group_id === undefined ? {} : { group_id: GroupId.toBase64(added.group_id) }),
        name,
        pid: added.voice.pid ?? null,
        state: added.voice.state,
      });
    });
  },
});
