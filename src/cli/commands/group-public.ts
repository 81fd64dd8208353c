import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { indentJson } from "../../core/json/json-indent.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJsonText, printLine, printProse } from "../../host/print.ts";
import { public_moot_descriptor, public_moot_publish } from "../../node/operations/public.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { oneMoot } from "../line/moot-argument.ts";
import { parseUrl } from "../line/url-argument.ts";
import { parseValidFor } from "../line/valid-for.ts";

const flags = {
  ...globalFlags,
  group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
  "valid-for": {
    type: "string",
    valueHint: "D",
    defaultHint: "for ever",
    description: "how long directories may list it, such as 90d",
  },
  json: { type: "boolean", description: "one line of JSON" },
} as const;

const exits = [0, 1, 2, 3, 5, 6] as const;

const descriptor = defineCommand({
  meta: { name: "descriptor", description: "Print the signed description of a public moot" },
  help: {
    examples: ["entmootd group public descriptor -group GID", "entmootd group public descriptor -json > moot.json"],
    exits,
    words: ["group"],
    notes: ['Founder only. "entmootd join FILE" takes it, where it holds an open invite.'],
  },
  args: flags,
  async run({ args }) {
    const label = "group public descriptor";
    const options = parseGlobalOptions(args, process.env);
    const group_id = await oneMoot(label, args.group, { options });
    const valid_for_ms = validFor(label, args["valid-for"]);
    await namedFailure(label, async () => {
      await using node = await openOperations(options, { create: false, change: false });
      const { descriptor: json = "null" } = await node.call(public_moot_descriptor, { group_id, valid_for_ms });
      printJsonText(args.json ? json : indentJson(json));
    });
  },
});

const publish = defineCommand({
  meta: { name: "publish", description: "Sign the description of a public moot and tell a directory" },
  help: {
    examples: ["entmootd group public publish -group GID -esp-url https://directory.example"],
    exits,
    words: ["group", "esp-url"],
    effect: "the directory was told all the same; it ignores the same description when it is told again",
    notes: ["Founder only. No redirect is followed, and plain http goes to this machine alone."],
  },
  args: {
    ...flags,
    "esp-url": { type: "string", valueHint: "URL", description: "address of the directory (required)" },
  },
  async run({ args }) {
    const label = "group public publish";
    const options = parseGlobalOptions(args, process.env);
    const esp_url = args["esp-url"];
    if (esp_url === undefined || esp_url.trim() === "") {
      throw new EntmootError("invalid_argument", `${label}: -esp-url is required`);
    }
    parseUrl(`${label}: -esp-url`, esp_url);
    const group_id = await oneMoot(label, args.group, { options });
    const valid_for_ms = validFor(label, args["valid-for"]);
    await namedFailure(label, async () => {
      await using node = await openOperations(options, { create: false, change: false });
      const published = await node.call(public_moot_publish, { group_id, esp_url, valid_for_ms }).catch(namingFlag);
      const response: unknown = JSON.parse(published.response ?? "null");
      warnUnlisted(label, response);
      const name = GroupId.toBase64(group_id);
      if (args.json) {
        // What was signed and what was answered stand as they are.
        const head = JSON.stringify({ status: published.status, group_id: name, esp_url: published.esp_url });
        const answered = published.response === undefined ? "" : `,"response":${published.response}`;
        printJsonText(`${head.slice(0, -1)},"descriptor":${published.descriptor}${answered}}`);
      } else printLine(`published public moot ${name} to ${published.esp_url}`);
    });
  },
});

/** What the node says of the address is said of the flag that gave it. */
function namingFlag(cause: unknown): never {
  if (!(cause instanceof EntmootError) || !cause.message.startsWith("esp_url")) throw cause;
  throw new EntmootError(cause.code, cause.message.replace("esp_url", "-esp-url"), { cause });
}

/** A directory that blocks, delists or has a newer one takes what it is told without a word. */
function warnUnlisted(label: string, response: unknown): void {
  const { public_moot, status } = (response ?? {}) as { status?: unknown; public_moot?: { status?: unknown } };
  const listed = public_moot?.status;
  if (status === "stale_ignored") printProse(`${label}: the directory has a newer description and ignored this one`);
  else if (typeof listed === "string" && listed !== "listed") {
    printProse(
      `${label}: the directory took it and does not list it (${JSON.stringify(listed.slice(0, 40))}); ask its owner`,
    );
  }
}

function validFor(label: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseValidFor(`${label}: -valid-for`, text);
}

/** `group public`: what directories are told of a moot this node founded. */
export const groupPublic = defineCommand({
  meta: { name: "public", description: "What directories are told of a public moot" },
  help: {
    examples: ["entmootd group public publish -group GID -esp-url https://directory.example"],
    exits,
  },
  subCommands: { descriptor, publish },
});
