import { EntmootError } from "../../core/errors.ts";
import { GroupId, MerkleRoot, MessageId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson } from "../../host/print.ts";
import { type VerifiedMoot, verify as verifyOperation } from "../../node/operations/care.ts";
import { groupDirectoryName } from "../../store/group-directory.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { Interrupt } from "../line/interrupt.ts";
import { jsonAlready } from "../line/json-already.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { SlowProgress } from "../line/slow-progress.ts";

const LABEL = "verify";

/** `verify`: whether what is kept is what was signed. */
export const verify = defineCommand({
  meta: { name: LABEL, description: "Look at every signature, the order and the root of what is kept" },
  help: {
    examples: ["entmootd verify", "entmootd verify council"],
    exits: [0, 1, 3, 5, 6],
    notes: [
      "One line for each moot: sound, how many roster entries and messages were looked at, and faults, where there are any, each",
      "with what it is about. Changes nothing. With a fault the status is 1, and stderr says what to do.",
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "GID", defaultHint: "all of them", description: "only this moot" },
    ...jsonAlready,
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const group_id = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      await using node = await openOperations(options, { create: false, change: false });
      using interrupt = new Interrupt("nothing was changed");
      const progress = new SlowProgress(LABEL, "messages");
      const { moots } = await node.call(
        verifyOperation,
        { group_id },
        {
          signal: interrupt.signal,
          onEvent: ({ done, group_id: at, total }) => progress.show(done, total, GroupId.toBase64(at)),
        },
      );
      for (const moot of moots) printJson(verifiedJson(moot));
      requireSound(moots);
    });
  },
});

function verifiedJson({ faults, group_id, merkle_root, more_faults, ...rest }: VerifiedMoot) {
  return {
    event: "verified",
    group_id: GroupId.toBase64(group_id),
    ...rest,
    ...(merkle_root === undefined ? {} : { merkle_root: MerkleRoot.toBase64(merkle_root) }),
    faults: faults.map(({ fault, message_id, what }) => ({
      what,
      ...(message_id === undefined ? {} : { message_id: MessageId.toBase64(message_id) }),
      fault,
    })),
    ...(more_faults === 0 ? {} : { more_faults }),
  };
}

function requireSound(moots: readonly VerifiedMoot[]): void {
  const damaged = moots.filter(({ sound }) => !sound);
  if (damaged.length === 0) return;
  const which = damaged.map(
    ({ group_id, name }) => `${JSON.stringify(name)} in groups/${groupDirectoryName(group_id)}`,
  );
  throw new EntmootError(
    "data_root_invalid",
    `damaged: ${which.slice(0, 8).join(", ")}${which.length > 8 ? ` and ${which.length - 8} more` : ""}; look at the disk first; then stop the daemon, move that folder away, and restore a backup, import an archive of it, or join it again: what members hold comes back`,
  );
}
