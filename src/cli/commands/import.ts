import { type Stats, statSync } from "node:fs";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, MerkleRoot, PublicKey } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { absolutePath, homeFolder } from "../../host/home-path.ts";
import { printJson, printProse } from "../../host/print.ts";
import { type Imported, moot_import } from "../../node/operations/care.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { Interrupt } from "../line/interrupt.ts";
import { jsonAlready } from "../line/json-already.ts";
import { SlowProgress } from "../line/slow-progress.ts";

const LABEL = "import";

/** `import`: what an archive has of a moot. */
export const importCommand = defineCommand({
  meta: { name: LABEL, description: "Take in what an archive of a moot has, once all of it is verified" },
  help: {
    examples: ["entmootd import council.entmoot"],
    exits: [0, 1, 3, 5, 6],
    effect: 'what was verified is stored all the same; "entmootd info" shows the moot',
    notes: [
      'FILE is what "entmootd export" wrote. Every signature, the order, root and digests are looked at before anything is',
      "stored; a file that was changed is refused, naming the line. Into a moot that is here it is a union. What was",
      "interrupted is done by the same command again. Who is not on the roster holds the moot and publishes nothing in it.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    file: { type: "positional", required: false, valueHint: "FILE", description: "an archive" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    if (args.file === undefined) throw new EntmootError("invalid_argument", `${LABEL}: missing FILE`);
    const path = absolutePath(args.file, () => homeFolder(process.env));
    await namedFailure(LABEL, async () => {
      requireArchive(path);
      await using node = await openOperations(options, { create: true, change: true });
      using interrupt = new Interrupt("what was stored by then stays; import it again for the rest");
      const progress = new SlowProgress(LABEL, "bytes");
      const said = await node.call(
        moot_import,
        { path },
        { signal: interrupt.signal, onEvent: ({ done, stage, total }) => progress.show(done, total, stage) },
      );
      printJson(importedJson(said));
      for (const note of notesOf(said)) printProse(`${LABEL}: ${note}`);
    });
  },
});

/** Before an identity is made for it. What may not be looked at here a daemon may read all the same. */
function requireArchive(path: string): void {
  let found: Stats | undefined;
  try {
    found = statSync(path, { throwIfNoEntry: false });
  } catch {
    return;
  }
  if (found === undefined) throw new EntmootError("invalid_argument", `${path}: no such file`);
  if (!found.isFile()) throw new EntmootError("invalid_argument", `${path}: expected a file, an archive`);
  if (found.size === 0)
    throw new EntmootError(
      "invalid_argument",
      `${path}: an empty file; expected an archive that "entmootd export" wrote`,
    );
}

function importedJson(said: Imported) {
  const { archive_root, exporter, founder, group_id, merkle_root, reason, ...rest } = said;
  return {
    event: "imported",
    group_id: GroupId.toBase64(group_id),
    ...rest,
    archive_root: MerkleRoot.toBase64(archive_root),
    merkle_root: MerkleRoot.toBase64(merkle_root),
    exporter: PublicKey.toBase64(exporter),
    ...(founder === undefined ? {} : { founder: PublicKey.toBase64(founder) }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** What whoever imported should know. */
function notesOf({ exporter, exporter_is_member, member, owed, refused, roster, unknown_author }: Imported): string[] {
  const notes: string[] = [];
  if (!exporter_is_member) {
    notes.push(
      `it was exported by ${PublicKey.toBase64(exporter)}, which is no member: what it holds is signed, and whether that is all there is only members know`,
    );
  }
  if (!member) {
    notes.push(
      "this node is not on the roster: it holds and shows the moot, and publishes nothing in it until it joins",
    );
  }
  if (owed > 0) notes.push(`${owed} messages are more than their authors may write at once; import it again later`);
  if (refused > 0) notes.push(`${refused} messages are too old or too large by the policy here, and were not taken`);
  if (unknown_author > 0) {
    notes.push(
      `${unknown_author} messages are by keys that the roster followed here does not have, and were not taken`,
    );
  }
  if (roster === "forked") notes.push('its roster and the one here have parted: "entmootd info" shows both');
  return notes;
}
