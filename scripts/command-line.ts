import { type ParseArgsConfig, parseArgs } from "node:util";

/** Whether the usage text is asked for. */
export function asksForHelp(argv: readonly string[]): boolean {
  return argv.some((word) => word === "--help" || word === "-h");
}

/** The options of `npm run TASK -- …`. Throws naming what is wrong, and how to see what there is. */
export function readCommandLine<T extends NonNullable<ParseArgsConfig["options"]>>(
  task: string,
  argv: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Only the first sentence: what follows speaks of positional arguments, and there are none.
    const [what] = error.message.split(". ");
    throw new Error(`${what}; "npm run ${task} -- --help" lists the options`);
  }
}
