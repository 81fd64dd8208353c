import { trimSpace } from "../core/bytes/text.ts";
import { later, type UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { formatPolicy, parsePolicy } from "../core/policy/policy.ts";
import type { RosterEntry } from "../core/record/records.ts";
import { createGenesis, createRosterEntry } from "../core/roster/roster-change.ts";
import { RosterLog } from "../core/roster/roster-log.ts";
import { groupName, METADATA_FACT } from "./group/group-name.ts";
import { POLICY_FACT } from "./group/group-policy.ts";
import { noteMootUsed } from "./last-moot.ts";
import { createLink } from "./links.ts";
import { mootNameOf } from "./moot-name.ts";
import type { NodeContext } from "./node-context.ts";
import type { CreatedMoot, group_create } from "./operations/moots.ts";
import type { RequestOf } from "./operations/operation.ts";
import { createOpenInvite, issuerUrl } from "./public/open-invites.ts";

/** Founds a group: random id, genesis by this node's key, policy and display facts. Undone when a step fails. */
export function createGroup(context: NodeContext, request: RequestOf<typeof group_create>): CreatedMoot {
  const { description = "", tags = [] } = request;
  const name = mootNameOf("-name", request.name);
  if (name === "") throw new EntmootError("invalid_argument", "-name is required");
  const policy = request.policy === undefined ? undefined : parsePolicy(request.policy);
  const issuer = issuerOf(context, request);

  const same_name = context.groups().filter((group) => trimSpace(groupName(group.store)) === name).length;
  const groupId = GroupId.fromBytes(crypto.getRandomValues(new Uint8Array(32)));
  const store = context.root.createGroup(groupId);
  try {
    store.setFact(METADATA_FACT, metadataOf({ ...request, name, description, tags }));
    if (policy !== undefined) store.setFact(POLICY_FACT, formatPolicy(policy));
    const genesis = createGenesis({
      seed: context.identity.seed,
      nowMs: genesisMs(context),
      nodeId: context.nodeIdNow(),
    });
    store.roster.append(
      policy === undefined ? [genesis] : [genesis, policyEntry(context, genesis, formatPolicy(policy))],
    );
    context.adopt(groupId);
    noteMootUsed(context.root.node, groupId);
    const isOpen = request.join_mode === "open_invite";
    return {
      group_id: groupId,
      founder: genesis.subject,
      open_invite: isOpen && issuer === undefined ? createLink(context, { group_id: groupId }) : undefined,
      https_invite:
        issuer === undefined ? undefined : createOpenInvite(context, { group_id: groupId, issuer_url: issuer }),
      same_name: same_name === 0 ? undefined : same_name,
    };
  } catch (error) {
    try {
      context.abandon(groupId);
    } catch {
      // What is left goes at the next start; why there is no group is what went wrong first.
    }
    throw error;
  }
}

/** Where the invite of an open moot is redeemed over HTTPS; `undefined` when it is not. Throws before anything is made. */
function issuerOf(context: NodeContext, request: RequestOf<typeof group_create>): string | undefined {
  if (request.join_mode !== "open_invite" || request.issuer_url === undefined) return undefined;
  const url = issuerUrl("issuer_url", request.issuer_url);
  if (context.carrier !== undefined) return url;
  throw new EntmootError(
    "unavailable",
    'an open invite redeemed over HTTPS needs a running daemon; start one with "entmootd serve" and create the group again',
  );
}

/** Signed, so that who joins while the founder is away has the policy from whichever member serves the roster. */
function policyEntry({ clock, identity: { seed } }: NodeContext, genesis: RosterEntry, policy: string): RosterEntry {
  const { log } = RosterLog.empty.sync([genesis]);
  return createRosterEntry({ log, seed, nowMs: clock.unix(), change: { op: "policy_change", policy } });
}

/**
 * A first entry names no group: of two groups founded by one key in the same millisecond it would be the same, and
 * every change of one roster would hold in the other. So no two of ours begin at one instant.
 */
function genesisMs(context: NodeContext): UnixMs {
  const taken = new Set(context.groups().map(({ roster }) => roster.log.entries[0]?.timestamp));
  let nowMs = context.clock.unix();
  while (taken.has(BigInt(nowMs))) nowMs = later(nowMs, 1);
  return nowMs;
}

function metadataOf({ description, join_mode, name, tags, visibility }: Metadata): string {
  return JSON.stringify({
    name,
    ...(description === "" ? {} : { description }),
    ...(tags.length === 0 ? {} : { tags }),
    visibility,
    join_mode,
  });
}

type Metadata = Pick<RequestOf<typeof group_create>, "name" | "visibility" | "join_mode"> & {
  readonly description: string;
  readonly tags: readonly string[];
};
