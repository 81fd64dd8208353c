import { attachmentHere, forgetAttachment, holdAttachments, readAttachments } from "../../agent/setup/attachments.ts";
import { EntmootError } from "../../core/errors.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { endTest } from "../attach/self-test.ts";
import { takeBack } from "../attach/take-back.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { hostPlaces, parseHost } from "../line/host-argument.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "detach";

/** `detach`: what `attach` did to a host in this folder is taken back. */
export const detach = defineCommand({
  meta: { name: LABEL, description: "Take back what attach did to a host" },
  help: {
    examples: ["entmootd detach claude"],
    exits: [0, 1, 3, 5],
    words: ["host"],
    notes: [
      "Files that nobody changed since are what they were, byte for byte; of others the entry alone goes. The voice stays,",
      'with its key and what it said: "entmootd voice remove NAME" ends it.',
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    host: { type: "positional", required: true, valueHint: "HOST", description: "which host" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    requireOwner(options, LABEL);
    const setup = parseHost(LABEL, args.host);
    const places = hostPlaces();
    await namedFailure(LABEL, async () => {
      using _lock = await holdAttachments(options.dataDir, realClock);
      const attachments = readAttachments(options.dataDir);
      const found = attachmentHere(attachments, setup, places);
      if (found === undefined) {
        const elsewhere = attachments.filter(({ host }) => host === setup.host).map(({ project }) => project);
        const next =
          elsewhere.length === 0 ? '"entmootd attach -status" shows what is' : `it is in ${elsewhere.join(", ")}`;
        throw new EntmootError("not_found", `${LABEL}: ${setup.title} is not attached in ${places.project}; ${next}`);
      }
      const parts = { clock: realClock, places: { ...places, project: found.project } };
      const how = await takeBack(setup, found, parts);
      forgetAttachment(options.dataDir, found);
      await endTest(found);
      printProse(`${LABEL}: where ${setup.title} runs it keeps the tools until it ends`);
      if (found.voice !== undefined)
        printProse(`${LABEL}: the voice ${found.voice} stays; entmootd voice remove ${found.voice} ends it`);
      printJson({
        event: "detached",
        files: found.files.map(({ path }) => path),
        how,
        host: setup.host,
        voice: found.voice ?? null,
      });
    });
  },
});
