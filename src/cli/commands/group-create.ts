import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { retentionDay, retentionText } from "../../core/policy/retention.ts";
import { JOIN_MODES, VISIBILITIES } from "../../core/record/public-moot.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { shellQuote } from "../../host/shell-quote.ts";
import { type CreatedMoot, group_create, TAGS_MAX } from "../../node/operations/moots.ts";
import { linkJson, openInviteJson } from "../../view/link-json.ts";
import { nodeInfoJson } from "../../view/node-info-json.ts";
import { defineCommand, repeated } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { policyFromFlags } from "../line/policy-source.ts";
import { tellSameName } from "../line/same-name.ts";

const LABEL = "group create";

/** `group create`: a new moot with this node as its founder. */
export const groupCreate = defineCommand({
  meta: { name: "create", description: "Create a moot with this node as its founder" },
  help: {
    examples: [
      "entmootd group create -name council",
      'entmootd group create -name "open house" -join-mode open_invite',
      'entmootd group create -name "town square" -visibility public',
      "entmootd group create -name archive -retention keep",
    ],
    exits: [0, 1, 5, 6],
    words: ["name"],
    effect: 'the moot is made all the same; "entmootd info" shows it',
    notes: [
      "Works with and without a running daemon; a running one has the group at once.",
      "Creates this node's identity when the data root has none.",
      "ENTMOOT_ESP_URL=https://… makes the link of an open moot one that is redeemed at that address over HTTPS, as",
      "apps and directories take it; that needs a running daemon. Without it the link is redeemed with this node.",
    ],
  },
  args: {
    ...globalFlags,
    name: { type: "string", default: "", valueHint: "NAME", description: "display name (required)" },
    description: { type: "string", default: "", valueHint: "TEXT", description: "what the moot is for" },
    tag: { type: "string", repeatable: true, valueHint: "TAG", description: "word to find it by" },
    visibility: {
      type: "string",
      default: "private",
      valueHint: VISIBILITIES.join("|"),
      description: "who may know of it",
    },
    "join-mode": {
      type: "string",
      default: "invite_only",
      valueHint: JOIN_MODES.join("|"),
      description: "open_invite also makes a link without limits; with ENTMOOT_ESP_URL one that is redeemed there",
    },
    policy: {
      type: "string",
      default: "preset:standard",
      valueHint: "preset:NAME|none|file:PATH",
      description: "limits on what members send",
    },
    retention: {
      type: "string",
      valueHint: "DAYS|keep",
      defaultHint: "as the policy says",
      description: "how long messages are kept, in place of what the policy says",
    },
    ...jsonAlready,
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const name = trimSpace(args.name);
    if (name === "") throw new EntmootError("invalid_argument", `${LABEL}: -name is required`);
    const visibility = oneOf("-visibility", args.visibility, VISIBILITIES);
    const joinMode = oneOf("-join-mode", args["join-mode"], JOIN_MODES);
    const policy = await policyFromFlags(args, LABEL);
    const description = trimSpace(args.description);
    const tags = [...new Set(repeated(args.tag).map(trimSpace))];
    if (tags.includes("")) throw new EntmootError("invalid_argument", `${LABEL}: -tag is empty; expected a word`);
    if (tags.length > TAGS_MAX) throw new EntmootError("invalid_argument", `${LABEL}: -tag: at most ${TAGS_MAX} tags`);

    const espUrl = trimSpace(process.env.ENTMOOT_ESP_URL ?? "") || undefined;

    await namedFailure(LABEL, async () => {
      await using node = await openOperations(options, { create: true, change: true });
      const created = await node.call(group_create, {
        name,
        description,
        tags,
        visibility,
        join_mode: joinMode,
        policy_source: policy.source,
        policy: policy.json,
        issuer_url: joinMode === "open_invite" ? espUrl : undefined,
      });
      const same = created.same_name ?? 0;
      tellSameName(LABEL, same, created.group_id);
      if (visibility === "public" && created.open_invite !== undefined) {
        printProse(
          `${LABEL}: its link is redeemed with this node directly, and a directory lists open moots by an invite redeemed over HTTPS alone; to list it, make one: entmootd invite link -group ${GroupId.toBase64(created.group_id)} -esp-url URL`,
        );
      }
      if (created.https_invite !== undefined) {
        printProse(
          `${LABEL}: the open invite never expires and has no limit; "entmootd invite revoke -id ${created.https_invite.id}" ends it`,
        );
      }
      printJson({
        group_id: GroupId.toBase64(created.group_id),
        founder: nodeInfoJson(created.founder),
        name,
        ...(same === 0 ? {} : { same_name: same }),
        ...(description === "" ? {} : { description }),
        ...(tags.length === 0 ? {} : { tags }),
        visibility,
        join_mode: joinMode,
        policy_configured: policy.json !== undefined,
        policy_source: policy.source,
        ...(policy.summary === undefined ? {} : { policy_summary: policy.summary }),
        retention_days: policy.retention === undefined ? null : Number(policy.retention),
        retention: retentionText(policy.retention, retentionDay(policy.retention ?? 0n, realClock.unix())),
        ...openInviteIn(created),
        ...(visibility === "public" && created.open_invite === undefined
          ? { next_public_descriptor_command: publishCommand(created.group_id, espUrl) }
          : {}),
      });
    });
  },
});

function openInviteIn({ https_invite, open_invite }: CreatedMoot) {
  if (https_invite !== undefined) return { open_invite: openInviteJson(https_invite) };
  return open_invite === undefined ? {} : { open_invite: linkJson(open_invite) };
}

/** What lists it; programs run it as it stands, once an address is in it. */
function publishCommand(groupId: GroupId, espUrl: string | undefined): string {
  const start = `entmootd group public publish -group ${GroupId.toBase64(groupId)} -esp-url `;
  return `${start}${espUrl === undefined ? "<ESP_URL>" : shellQuote(espUrl)} --json`;
}

function oneOf<const T extends string>(flag: string, text: string, words: readonly T[]): T {
  const word = words.find((candidate) => candidate === trimSpace(text).toLowerCase());
  if (word !== undefined) return word;
  throw new EntmootError(
    "invalid_argument",
    `${LABEL}: invalid ${flag} ${JSON.stringify(text.slice(0, 80))} (want: ${words.join(", ")})`,
  );
}
