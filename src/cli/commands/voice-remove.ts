import { EntmootError } from "../../core/errors.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { parseVoiceName, setVoiceAside, voicesOf } from "../../daemon/voices.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { voice_end } from "../../node/operations/voices.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "voice remove";

/** `voice remove`: its daemon ends; its data root is set aside, for its key is gone for good without it. */
export const voiceRemove = defineCommand({
  meta: { name: "remove", description: "End a voice and set its data root aside" },
  help: {
    examples: ["entmootd voice remove oak"],
    exits: [0, 1, 3, 5, 6],
    effect: "the voice has ended all the same",
    notes: [
      "Its folder is renamed and not deleted: it holds the voice's key. It stays on the rosters of its moots until their",
      'founder removes it ("entmootd roster remove").',
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    name: { type: "positional", required: true, valueHint: "VOICE", description: "the voice" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    requireOwner(options, LABEL);
    const name = parseVoiceName(LABEL, args.name);
    await namedFailure(LABEL, async () => {
      if (!voicesOf(options.dataDir).includes(name)) {
        throw new EntmootError(
          "not_found",
          `expected one of the voices here (${voicesOf(options.dataDir).join(", ") || "none"}), found ${name}`,
        );
      }
      await using daemon = await openDaemon(options);
      await daemon.call(voice_end, { name });
      printJson({ event: "removed", name, set_aside: setVoiceAside(options.dataDir, name, realClock.unix()) });
    });
  },
});
