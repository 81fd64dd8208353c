import { EntmootError } from "../../core/errors.ts";
import { encodeWire } from "../../core/json/json-codec.ts";
import { invite as inviteCodec } from "../../core/record/record-codecs.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printIndentedJson } from "../../host/print.ts";
import { invite_mint } from "../../node/operations/invites.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseNodeId } from "../line/group-argument.ts";
import { jsonAlready } from "../line/json-already.ts";
import { oneMoot } from "../line/moot-argument.ts";
import { splitList } from "../line/topic-argument.ts";
import { parseValidFor } from "../line/valid-for.ts";

const LABEL = "invite create";
/** Ours. An invite that names more peers than this helps nobody. */
const PEERS_MAX = 64;

/** `invite create`: a signed invite for a member, as a file to hand over. */
export const inviteCreate = defineCommand({
  meta: { name: "create", description: "Print a signed invite for someone on the roster" },
  help: {
    examples: ["entmootd invite create -group GID > invite.json"],
    exits: [0, 1, 2, 3, 5, 6],
    words: ["group"],
    notes: ["An invite adds nobody to the roster: use roster add for that, or invite link, which does both."],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    peers: {
      type: "string",
      valueHint: "N,N…",
      defaultHint: "founder and others",
      description: "node ids to start from",
    },
    "valid-for": {
      type: "string",
      default: "24h",
      valueHint: "D",
      description: "how long it is good for, such as 24h or 7d",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const groupId = await oneMoot(LABEL, args.group, { options });
    const peers =
      args.peers === undefined ? undefined : splitList(args.peers).map((id) => parseNodeId(`${LABEL}: -peers`, id));
    if (peers?.length === 0) {
      throw new EntmootError("invalid_argument", `${LABEL}: -peers is empty; expected node ids, comma separated`);
    }
    if (peers !== undefined && peers.length > PEERS_MAX) {
      throw new EntmootError("invalid_argument", `${LABEL}: -peers: at most ${PEERS_MAX} peers`);
    }
    const validForMs = parseValidFor(`${LABEL}: -valid-for`, args["valid-for"]);
    await namedFailure(LABEL, async () => {
      await using node = await openOperations(options, { create: false, change: true });
      const minted = await node.call(invite_mint, {
        group_id: groupId,
        peers,
        valid_for_ms: validForMs,
      });
      printIndentedJson(JSON.parse(new TextDecoder().decode(encodeWire(inviteCodec, minted.invite))));
    });
  },
});
