import { EntmootError } from "../../core/errors.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printLine } from "../../host/print.ts";
import { policy_change, policy_explain, policy as policyOperation } from "../../node/operations/policy.ts";
import { explainedJson, explainedLines, policyJson, policyLines } from "../../view/policy-text.ts";
import { whichMessage } from "../../view/which-message.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { contentOf } from "../line/content-argument.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { listingMoots, oneMoot, parseMoot } from "../line/moot-argument.ts";
import { policyFromSource, withRetention } from "../line/policy-source.ts";
import { parseTopics } from "../line/topic-argument.ts";

/** Ours. A draft in a file is there at once; a pipe gets some time to be written. */
const DRAFT_TIMEOUT_MS = 30_000;

const group = { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" } as const;
const json = { type: "boolean", description: "one JSON object" } as const;

const EFFECT = 'the policy holds all the same; "entmootd policy status" shows it';
const FOR_ALL = [
  "Founder only. The update is signed and goes to all members, also to those that are away; each holds itself and the",
  "others to it from the date of the update on, also after a restart. Works with and without a running daemon.",
];

/** `policy`, and `group policy` as the original has it: what a moot allows. */
export function policyCommand(name: "policy" | "group policy") {
  return defineCommand({
    meta: { name: "policy", description: "Show, set or explain what a moot allows its members" },
    help: {
      examples: [
        `entmootd ${name} status`,
        `entmootd ${name} set -preset relaxed`,
        `entmootd ${name} explain -file draft.md`,
      ],
      exits: [0, 1, 2, 3, 5],
    },
    subCommands: { status: status(name), set: set(name), clear: clear(name), explain: explain(name) },
  });
}

function status(name: string) {
  const label = `${name} status`;
  return defineCommand({
    meta: { name: "status", description: "Show the policy in force and where it comes from" },
    help: { examples: [`entmootd ${label}`, `entmootd ${label} -group GID -json`], exits: [0, 1, 3, 5, 6] },
    args: { ...globalFlags, group, json },
    async run({ args }) {
      const options = parseGlobalOptions(args, process.env);
      const group_id = await oneMoot(label, args.group, { options });
      await namedFailure(label, async () => {
        await using node = await openOperations(options, { create: false, change: false });
        const state = await node.call(policyOperation, { group_id });
        if (args.json) printJson(policyJson(state));
        else for (const line of policyLines(state)) printLine(line);
      });
    },
  });
}

function set(name: string) {
  const label = `${name} set`;
  return defineCommand({
    meta: { name: "set", description: "Set the policy of a moot for all its members (founder only)" },
    help: {
      examples: [
        `entmootd ${label} -preset standard`,
        `entmootd ${label} -group GID -file policy.json`,
        `entmootd ${label} -preset relaxed -retention keep`,
      ],
      exits: [0, 1, 2, 3, 5, 6],
      words: ["preset"],
      effect: EFFECT,
      notes: [
        ...FOR_ALL,
        "A file holds one JSON object with every key of a policy, as status -json shows it under policy.",
      ],
    },
    args: {
      ...globalFlags,
      group,
      preset: { type: "string", valueHint: "standard|relaxed|none", description: "one of the presets" },
      file: { type: "string", valueHint: "PATH|-", description: "a policy as JSON, or - for stdin" },
      retention: {
        type: "string",
        valueHint: "DAYS|keep",
        defaultHint: "as the policy says",
        description: "how long messages are kept, in place of what the policy says",
      },
      json,
    },
    async run({ args }) {
      const options = parseGlobalOptions(args, process.env);
      if (args.preset !== undefined && args.file !== undefined)
        refuse(label, "choose either -preset or -file, not both");
      if (args.preset === undefined && args.file === undefined) refuse(label, "choose -preset or -file");
      const source = args.preset === undefined ? `file:${args.file}` : `preset:${args.preset}`;
      const flag = args.preset === undefined ? "-file" : "-preset";
      const policy = withRetention(await policyFromSource(source, `${label}: ${flag}`), args.retention, label);
      const group_id = await oneMoot(label, args.group, { options });
      await namedFailure(label, async () => {
        await using node = await openOperations(options, { create: false, change: true });
        const asked = policy.json === undefined ? { clear: true } : { policy: policy.json };
        const changed = await node.call(policy_change, { group_id, ...asked });
        if (args.json) printJson(policyJson(changed, policy.source));
        else for (const line of policyLines(changed, policy.source)) printLine(line);
      });
    },
  });
}

function clear(name: string) {
  const label = `${name} clear`;
  return defineCommand({
    meta: { name: "clear", description: "Limit nothing and keep everything from now on (founder only)" },
    help: {
      examples: [`entmootd ${label} -group GID`],
      exits: [0, 1, 2, 3, 5, 6],
      effect: EFFECT,
      notes: FOR_ALL,
    },
    args: { ...globalFlags, group, json },
    async run({ args }) {
      const options = parseGlobalOptions(args, process.env);
      const group_id = await oneMoot(label, args.group, { options });
      await namedFailure(label, async () => {
        await using node = await openOperations(options, { create: false, change: true });
        const changed = await node.call(policy_change, { group_id, clear: true });
        if (args.json) printJson(policyJson(changed, "clear"));
        else for (const line of policyLines(changed, "clear")) printLine(line);
      });
    },
  });
}

function explain(name: string) {
  const label = `${name} explain`;
  return defineCommand({
    meta: { name: "explain", description: "Say which rule would refuse a message or a draft, and until when" },
    help: {
      examples: [`entmootd ${label} kYbNysGxsrS1`, `entmootd ${label} -file draft.md -topic reports`],
      exits: [0, 1, 3, 5, 6],
      notes: [
        "A draft is the body of a message that this node would publish now. Nothing is published and no rate is charged.",
        "Of a message that was refused is known what this node remembers since it started.",
      ],
    },
    args: {
      ...globalFlags,
      message: {
        type: "positional",
        required: false,
        valueHint: "MESSAGE_ID",
        description: "a message that came here; of one that is held its first 8 characters or more",
      },
      file: { type: "string", valueHint: "DRAFT|-", description: "a file with the body of a message, or - for stdin" },
      topic: { type: "string", valueHint: "T[,T]", defaultHint: "chat", description: "topics of the draft" },
      group,
      json,
    },
    async run({ args }) {
      const options = parseGlobalOptions(args, process.env);
      const { file, message, topic } = args;
      if ((message === undefined) === (file === undefined)) {
        refuse(label, "expected a MESSAGE_ID or -file DRAFT, one of them");
      }
      if (topic !== undefined && file === undefined) refuse(label, "-topic is of a draft; expected -file beside it");
      const body = file === undefined ? undefined : await contentOf(label, { file }, DRAFT_TIMEOUT_MS);
      const topics = parseTopics(label, topic ?? "chat");
      const group_id = args.group === undefined ? undefined : await parseMoot(label, args.group, { options });
      await listingMoots(label, { options }, () =>
        namedFailure(label, async () => {
          await using node = await openOperations(options, { create: false, change: false });
          const asked =
            body === undefined
              ? await whichMessage(label, message!, { node, group_id })
              : { group_id, draft: { topics, content: body } };
          const explained = await node.call(policy_explain, asked);
          if (args.json) printJson(explainedJson(explained));
          else for (const line of explainedLines(explained)) printLine(line);
        }),
      );
    },
  });
}

function refuse(label: string, why: string): never {
  throw new EntmootError("invalid_argument", `${label}: ${why}`);
}
