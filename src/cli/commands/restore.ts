import { readdirSync } from "node:fs";
import { join } from "node:path";
import { instantText } from "../../core/amounts.ts";
import { EntmootError } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { codeOf } from "../../core/system-error.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { VOICES_FOLDER } from "../../daemon/voices.ts";
import { absolutePath, homeFolder } from "../../host/home-path.ts";
import { printJson, printProse } from "../../host/print.ts";
import { restoreBackup } from "../../store/backup/restore-backup.ts";
import { liftRestored } from "../../store/backup/restored-mark.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { Interrupt } from "../line/interrupt.ts";
import { jsonAlready } from "../line/json-already.ts";
import { SlowProgress } from "../line/slow-progress.ts";

const LABEL = "restore";

/** `restore`: a backup becomes the data root. */
export const restore = defineCommand({
  meta: { name: LABEL, description: "Put a backup back where no data root is" },
  help: {
    examples: ["entmootd restore /media/usb/entmoot-2026-11-30", "entmootd restore -original-stopped"],
    exits: [0, 1, 5],
    effect: "the data root is restored all the same",
    notes: [
      "Every file is held to its digest. Nothing that stands at the data root is replaced. The identity may be running where",
      "the backup was made, and one key that runs twice parts its moots: nothing runs on the restored data root until",
      "-original-stopped says that it does not, with DIR or later without. Reading works. A founder then signs nothing for",
      "a roster before it has met a member; one that is alone in it until -alone is given, as with invite link.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    dir: { type: "positional", required: false, valueHint: "DIR", description: "what backup made" },
    "original-stopped": { type: "boolean", description: "nothing else runs under this identity, nor will" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    requireOwner(options, LABEL);
    const isOriginalStopped = args["original-stopped"] ?? false;
    if (args.dir === undefined && !isOriginalStopped)
      throw new EntmootError("invalid_argument", `${LABEL}: missing DIR`);
    const { dataDir } = options;
    await namedFailure(LABEL, async () => {
      if (args.dir === undefined) {
        printJson({ event: "released", data_dir: dataDir, was_held: release(dataDir) });
        return;
      }
      const folder = absolutePath(args.dir, () => homeFolder(process.env));
      using interrupt = new Interrupt("nothing was restored");
      const progress = new SlowProgress(LABEL, "bytes");
      const { signal } = interrupt;
      const onProgress = (done: number, total: number, path: string) => progress.show(done, total, path);
      const said = await restoreBackup(folder, dataDir, { isOriginalStopped, onProgress, signal });
      const { entmoot_pubkey, files, made_ms, moots } = said;
      printJson({
        event: "restored",
        data_dir: dataDir,
        made_ms,
        entmoot_pubkey: PublicKey.toBase64(entmoot_pubkey),
        moots,
        files: files.length,
        held: !isOriginalStopped,
      });
      if (!isOriginalStopped) {
        const next = 'once nothing else runs under this identity: "entmootd restore -original-stopped"';
        printProse(`${LABEL}: as it was at ${instantText(made_ms)}; nothing runs on it yet; ${next}`);
      }
    });
  },
});

/** The data root, and those of its voices. */
function release(dataDir: string): boolean {
  const roots = [dataDir, ...namesIn(join(dataDir, VOICES_FOLDER)).map((name) => join(dataDir, VOICES_FOLDER, name))];
  return roots.map((root) => liftRestored(root)).includes(true);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return [];
    throw error;
  }
}
