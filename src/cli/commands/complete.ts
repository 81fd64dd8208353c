import { realClock } from "../../host/real-clock.ts";
import { unknownWord } from "../../view/nearest.ts";
import { readBashLine } from "../complete/bash-line.ts";
import { builtWords } from "../complete/built-words.ts";
import { type Completion, completionOf, type NamesHere } from "../complete/candidates.ts";
import { placeOfWord } from "../complete/place-of-word.ts";
import { SHELLS } from "../complete/shell-scripts.ts";
import { defineCommand } from "../line/command.ts";
import { type GlobalArgs, globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const LABEL = "complete";
/** Ours. Somebody has pressed a key and waits; later than this an answer is in the way. */
const PATIENCE_MS = 100;

/** `complete`: what the scripts of `completion` ask. Not for people, so no help lists it. */
export const complete = defineCommand({
  meta: { name: LABEL, description: "Say what may come next on a command line, for the scripts of completion" },
  help: {
    examples: ["entmootd complete -- publish -topic ch"],
    exits: [0, 1, 5],
    notes: [
      "The words are those behind the program, the last as far as it was typed; with -shell bash the line up to the cursor and",
      "COMP_WORDBREAKS. The first line is words, files or folders; each further one a word, a tab and what it is.",
    ],
  },
  args: {
    ...globalFlags,
    shell: { type: "string", valueHint: SHELLS.join("|"), description: "how the words are written" },
    empty: { type: "boolean", description: "the word that is being typed is empty and was left out" },
    words: { type: "positional", required: false, variadic: true, valueHint: "WORDS…", description: "of the line" },
  },
  async run({ args }) {
    if (args.shell !== undefined && !SHELLS.some((shell) => shell === args.shell)) {
      throw unknownWord(`${LABEL}: -shell`, args.shell, SHELLS);
    }
    const given: readonly string[] = args._;
    const [line = "", breaks = ""] = given;
    const bash = args.shell === "bash" ? readBashLine(line, breaks) : undefined;
    const typed = args.empty === true ? [...given, ""] : given;
    const ahead = bash === undefined ? typed.slice(0, -1) : bash.ahead.slice(1);
    const word = bash?.word ?? typed.at(-1) ?? "";
    const half = placeOfWord(ahead, word, await builtWords());
    const named: NamesHere = (kind, flags) =>
      withinPatience(async () => {
        const { namedHere } = await import("../complete/named-here.ts");
        return namedHere(kind, parseGlobalOptions({ ...args, ...globalsOf(flags) }, process.env), flags);
      });
    const { candidates, files } = await completionOf(half, word, named);
    const rows = candidates.flatMap(({ note, text }) => {
      const written = bash === undefined ? text : bash.reply(text);
      return written === undefined ? [] : [`${written}\t${note}`];
    });
    // Not `printLine`: loading node:fs takes a tenth of the time that this command may.
    await Bun.write(Bun.stdout, `${[firstLine(files), ...rows].join("\n")}\n`);
  },
});

function firstLine(files: Completion["files"]): string {
  return files === "none" ? "words" : files;
}

/** What was typed on the line itself, such as `-data`. */
function globalsOf(given: Readonly<Record<string, string | boolean>>): GlobalArgs {
  return Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(globalFlags, name)));
}

/** What `look` finds in time; nothing where it fails or takes too long. The process ends with the answer, and so does the look. */
async function withinPatience<T>(look: () => Promise<readonly T[]>): Promise<readonly T[]> {
  const late = Promise.withResolvers<readonly T[]>();
  using _timer = realClock.after(PATIENCE_MS, () => late.resolve([]));
  return await Promise.race([look().catch(() => []), late.promise]);
}
