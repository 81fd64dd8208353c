import { struct } from "../../core/json/json-codec.ts";
import { type MootSummary, moot_summaries } from "../../node/operations/membership.ts";
import { type MemberRow, members } from "../../node/operations/moots.ts";
import { plainList } from "../../wire/frame/bounded.ts";
import { groupNotFound } from "../http-failure.ts";
import { isBearer, mayRead } from "../principal.ts";
import { switchField } from "../query-fields.ts";
import { ok, route, type ServiceContext } from "../route.ts";
import { groupSummary, memberSummary } from "../shapes.ts";

/** Ours. More than any answer of the operation holds. */
const ROWS_MAX = 16_384;

/** What is known of a moot for display. */
interface GroupMetadata {
  /** As it is kept; `undefined`: nothing is. */
  readonly text: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What the service keeps of it, else what the moot itself does. */
export function metadataOf({ esp }: Pick<ServiceContext, "esp">, { group_id, metadata }: MootSummary): GroupMetadata {
  const text = esp.metadata.get(group_id) ?? metadata ?? "{}";
  const fields = fieldsOf(text);
  return { fields, text: Object.keys(fields).length === 0 ? undefined : text };
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

/** Not among moots unless it is asked for. */
export const isHidden = ({ fields }: GroupMetadata): boolean => fields.hidden === true || isControl(fields);
const isControl = (fields: GroupMetadata["fields"]): boolean => fields.fleet_control === true;

const textIn = (value: unknown) => (typeof value === "string" ? value : undefined);

function summaryOf(summary: MootSummary, { fields, text }: GroupMetadata) {
  const { tags } = fields;
  return {
    group_id: summary.group_id,
    name: textIn(fields.name),
    description: textIn(fields.description),
    tags: Array.isArray(tags) && tags.every((tag) => typeof tag === "string") ? tags : undefined,
    members: summary.members,
    roster_head: summary.roster_head,
    metadata: text,
  };
}

const groups = route({
  method: "GET",
  path: "/v1/groups",
  name: "listGroups",
  summary: "The moots whoever asks may read",
  query: { include_hidden: switchField("also those whose metadata hides them") },
  answers: { 200: struct("groups", { groups: plainList(groupSummary, ROWS_MAX) }, { required: ["groups"] }) },
  async handle(context, { principal, query, signal }) {
    const { summaries } = await context.node.reads.call(moot_summaries, {}, { signal });
    const shown = summaries.flatMap((summary) => {
      if (!isBearer(principal!) && !mayRead(principal!, summary.group_id)) return [];
      const metadata = metadataOf(context, summary);
      const isLeftOut = query.include_hidden ? isControl(metadata.fields) : isHidden(metadata);
      return isLeftOut ? [] : [summaryOf(summary, metadata)];
    });
    return ok({ groups: shown });
  },
});

const group = route({
  method: "GET",
  path: "/v1/groups/{group}",
  name: "getGroup",
  summary: "One moot",
  answers: { 200: groupSummary },
  async handle(context, { group, signal }) {
    const { summaries } = await context.node.reads.call(moot_summaries, { group_id: group }, { signal });
    const [summary] = summaries;
    if (summary === undefined) throw groupNotFound();
    return ok(summaryOf(summary, metadataOf(context, summary)));
  },
});

const groupMembers = route({
  method: "GET",
  path: "/v1/groups/{group}/members",
  name: "listMembers",
  summary: "Who is in a moot, by node id",
  answers: { 200: struct("members", { members: plainList(memberSummary, ROWS_MAX) }, { required: ["members"] }) },
  async handle({ node }, { group, signal }) {
    const { members: rows } = await node.reads.call(members, { group_id: group }, { signal });
    return ok({ members: rows.map(memberOf) });
  },
});

function memberOf({ entmoot_pubkey, founder, hostname, node_id }: MemberRow) {
  const name = shownName(hostname);
  const display_name = name === "" ? `node-${node_id}` : `${name}#${node_id}`;
  return { node_id, entmoot_pubkey, founder, hostname: name, display_name };
}

/** A hostname that can stand in a line; empty for one that cannot. */
function shownName(hostname: string): string {
  const name = hostname.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  return Buffer.byteLength(name) > 255 || /[\u0000-\u001f\u007f]/.test(name) ? "" : name;
}

export const GROUP_ROUTES = [groups, group, groupMembers];
