import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { connectToChange } from "../../daemon/open-operations.ts";
import { openUnfounded } from "../../daemon/open-unfounded.ts";
import { startDaemon } from "../../daemon/start-daemon.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { default_moot_join } from "../../node/operations/default-moot.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { defaultMootJoinedJson } from "../../view/default-moot-json.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { defaultMootSource } from "../line/default-moot-source.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const LABEL = "default-moot join";
/** Wire. The default of the original's flag, and what 0 or less stands for. */
const TIMEOUT_MS = 90_000;
/** Ours. What a daemon has on top, for the descriptor and to tell how it ended. */
const ANSWER_MS = 15_000;

/** `default-moot join`: in, by its owner's word. */
export const defaultMootJoin = defineCommand({
  meta: { name: "join", description: "Join The Ent Moot by its signed descriptor" },
  help: {
    examples: ["entmootd default-moot join -dry-run", 'entmootd default-moot join -intro "hello, I look after builds"'],
    exits: [0, 1, 2, 3, 5, 6],
    effect: 'the joining is done all the same; "entmootd default-moot status" shows it',
    notes: [
      "A running daemon does the joining; without one this command does, and -intro is left out. Nothing answers there",
      "by itself until default-moot live on says so. Status 6 where it is joined and the introduction was not published.",
    ],
  },
  args: {
    ...globalFlags,
    "dry-run": { type: "boolean", description: "only fetch and verify the descriptor" },
    intro: { type: "string", valueHint: "TEXT", description: "published on introductions once it is joined" },
    timeout: { type: "string", default: "90s", valueHint: "D", description: "how long the joining may take" },
    json: { type: "boolean", description: "one line of JSON" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const given = parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    const timeoutMs = given <= 0 ? TIMEOUT_MS : given;
    const intro = trimSpace(args.intro ?? "");
    if (args.intro !== undefined && intro === "") {
      throw new EntmootError("invalid_argument", `${LABEL}: -intro is empty; expected what to say, or no -intro`);
    }
    const dry_run = args["dry-run"] ?? false;
    await namedFailure(LABEL, async () => {
      const client = await connectToChange(options);
      const ask = (node: Operations, words: string, signal?: AbortSignal) =>
        node.call(
          default_moot_join,
          {
            ...defaultMootSource(process.env),
            dry_run,
            timeout_ms: timeoutMs,
            ...(words === "" ? {} : { intro: words }),
          },
          {
            signal,
            timeoutMs: timeoutMs + ANSWER_MS,
            onEvent: ({ stage, message }) => printProse(`${LABEL}: ${stage}: ${terminalText(message, 300)}`),
          },
        );
      const withDaemon = async () => {
        await using daemon = client!;
        return await ask(daemon, intro);
      };
      const alone = async () => {
        if (dry_run) {
          await using node = await openUnfounded(options);
          return await ask(node, "");
        }
        await using daemon = await startDaemon(options, { command: LABEL, control: false });
        return await ask(daemon.node, "", daemon.ending);
      };
      const joined = client === undefined ? await alone() : await withDaemon();
      const isSkipped = client === undefined && intro !== "" && joined.status === "joined";
      const introStatus = joined.intro_published ? "published" : isSkipped ? "skipped_no_daemon" : undefined;
      if (args.json) printJson(defaultMootJoinedJson(joined, introStatus));
      else {
        printLine(`${joined.status} ${joined.name} (${GroupId.toBase64(joined.group_id)})`);
        if (introStatus === "published") printLine("published introduction");
        if (isSkipped) printLine("skipped introduction publish: no running Entmoot daemon");
      }
      if (joined.intro_error === undefined) return;
      throw new EntmootError(
        "control_unavailable",
        `${LABEL}: joined, but publish intro failed: ${joined.intro_error}`,
      );
    });
  },
});
