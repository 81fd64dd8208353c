import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printLine } from "../../host/print.ts";
import { plainTeller } from "../../view/doctor-teller.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { findRepairs, repairAll } from "./repairs.ts";

/** Ours. What one line shows of a text that may be long. */
const WHY_MAX = 600;

/**
 * `doctor -fix`: shows the repairs, or does them and shows what was done. Gives the exit status: 1 where damage is left that
 * was not, or would not be, repaired.
 */
export async function fix(
  options: GlobalOptions,
  { isDryRun, isJson }: { readonly isDryRun: boolean; readonly isJson: boolean },
): Promise<number> {
  const { left, repairs } = await findRepairs(options);
  const backup = isDryRun || repairs.length === 0 ? undefined : (await repairAll(options, repairs)).backup;
  const { command } = plainTeller({ data_dir: options.dataDir, identity_path: options.identityPath });
  const next = repairs.length === 0 ? undefined : command(["entmootd", "doctor", ...(isDryRun ? ["-fix"] : [])]);
  if (isJson) {
    printJson({
      event: "repairs",
      dry_run: isDryRun,
      ...(backup === undefined ? {} : { backup }),
      repairs: repairs.map(({ diagnosis, isCopied, path, what }) => ({
        diagnosis,
        path,
        what,
        copied: isCopied && !isDryRun,
      })),
      left,
      ...(next === undefined ? {} : { next_command: next }),
    });
  } else {
    for (const { diagnosis, path, what } of repairs) {
      printLine(
        `${isDryRun ? "would repair" : "repaired"} ${diagnosis}: ${terminalText(path, WHY_MAX)}: ${terminalText(what, WHY_MAX)}`,
      );
    }
    for (const { path, why } of left)
      printLine(`left as it is: ${terminalText(path, WHY_MAX)}: ${terminalText(why, WHY_MAX)}`);
    if (repairs.length === 0 && left.length === 0) printLine("there is nothing to repair");
    if (backup !== undefined) printLine(`as it was before: ${terminalText(backup, WHY_MAX)}`);
    if (next !== undefined) printLine(`next: ${next}`);
  }
  return left.length > 0 ? 1 : 0;
}
