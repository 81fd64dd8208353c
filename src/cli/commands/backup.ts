import { EntmootError } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { absolutePath, homeFolder } from "../../host/home-path.ts";
import { readIdentity } from "../../host/identity-file.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { makeBackup } from "../../store/backup/make-backup.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { SlowProgress } from "../line/slow-progress.ts";

const LABEL = "backup";

/** `backup`: all of this node, while it runs. */
export const backup = defineCommand({
  meta: { name: LABEL, description: "Copy all of this node to a folder, while its daemon runs" },
  help: {
    examples: ["entmootd backup /media/usb/entmoot-2026-11-30"],
    exits: [0, 1, 5],
    effect: "the backup is made all the same",
    notes: [
      "DIR is new or empty. Identity, moots, mailbox, what agents did and wait for, and the voices of this machine: each database as",
      "it is at one instant. Whoever has the folder has the keys: it is 0700, its files 0600; keep it as you keep those. A",
      'backup that was not finished says so and cannot be restored. "entmootd restore" puts it back.',
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    dir: { type: "positional", required: false, valueHint: "DIR", description: "a new or empty folder" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    requireOwner(options, LABEL);
    if (args.dir === undefined) throw new EntmootError("invalid_argument", `${LABEL}: missing DIR`);
    const { dataDir, identityPath } = options;
    const folder = absolutePath(args.dir, () => homeFolder(process.env));
    await namedFailure(LABEL, async () => {
      const identity = readIdentity(identityPath);
      if (identity === undefined) {
        throw new EntmootError("identity_invalid", `no identity in ${identityPath}: there is nothing to back up`);
      }
      const key = PublicKey.fromBytes(identity.publicKey);
      const source = { dataDir, identityPath, key, program: BUILD_INFO.version, nowMs: realClock.unix() };
      const progress = new SlowProgress(LABEL, "bytes");
      const made = await makeBackup(source, folder, ({ bytes, path, total }) => progress.show(bytes, total, path));
      printJson({ event: "backed_up", dir: folder, entmoot_pubkey: PublicKey.toBase64(key), ...made });
    });
  },
});
