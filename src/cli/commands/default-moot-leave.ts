import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printJsonText, printLine, printProse } from "../../host/print.ts";
import { default_moot_decline, default_moot_leave } from "../../node/operations/default-moot.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { defaultMootSource } from "../line/default-moot-source.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const RESTART = "the running daemon takes part until it is restarted: entmootd stop, then entmootd serve";

/** What is so where nobody could be asked. */
const UNNAMED =
  "kept; which moot it is could not be asked, so one that was joined by a link is not left out: say it again where its descriptor can be fetched";

const args = { ...globalFlags, json: { type: "boolean", description: "one line of JSON" } } as const;

/** `default-moot decline`: no, also later. */
export const defaultMootDecline = defineCommand({
  meta: { name: "decline", description: "Take no part in The Ent Moot, and be kept out of it" },
  help: {
    examples: ["entmootd default-moot decline"],
    exits: [0, 1, 5, 6],
    effect: 'it is declined all the same; "entmootd default-moot status" shows it',
    notes: [
      "A daemon takes no part in the moot from then on. Works offline too: where it cannot be asked which moot it is, and one",
      "was joined by a link alone, that one is left out once this is said again. default-moot join takes it up again.",
    ],
  },
  args,
  async run({ args }) {
    const label = "default-moot decline";
    const options = parseGlobalOptions(args, process.env);
    await namedFailure(label, async () => {
      await using node = await openOperations(options, { create: true, change: true });
      const declined = await node.call(default_moot_decline, defaultMootSource(process.env));
      if (args.json) printJsonText(declined.local_state ?? "null");
      else printLine("declined The Ent Moot");
      if (declined.restart_required) printProse(`${label}: ${RESTART}`);
      if (declined.local_state !== undefined && !namesMoot(declined.local_state)) printProse(`${label}: ${UNNAMED}`);
    });
  },
});

function namesMoot(state: string): boolean {
  return JSON.parse(state)?.group_id !== undefined;
}

/** `default-moot leave`: out, as far as this node goes. */
export const defaultMootLeave = defineCommand({
  meta: { name: "leave", description: "End this node's part in The Ent Moot" },
  help: {
    examples: ["entmootd default-moot leave"],
    exits: [0, 1, 5, 6],
    effect: 'it is left all the same; "entmootd default-moot status" shows it',
    notes: [
      "Ends live replies and keeps the moot from being served. This node's key stays on the roster, where others see it",
      "until the founder removes it; group leave, given before, asks for that.",
    ],
  },
  args,
  async run({ args }) {
    const label = "default-moot leave";
    const options = parseGlobalOptions(args, process.env);
    await namedFailure(label, async () => {
      await using node = await openOperations(options, { create: true, change: true });
      const left = await node.call(default_moot_leave, defaultMootSource(process.env));
      const { group_id, live_configs_disabled, restart_required } = left;
      if (args.json) {
        printJson({
          group_id: GroupId.toBase64(group_id),
          live_configs_disabled,
          status: restart_required ? "restart_required" : "local_participation_disabled",
          ...(restart_required ? { warning: RESTART } : {}),
        });
      } else {
        printLine(
          "only local participation in The Ent Moot was disabled; its members still see this node on the roster",
        );
      }
      if (restart_required) throw new EntmootError("already_running", `${label}: ${RESTART}`);
    });
  },
});
