import { shownLine } from "../../core/bytes/shown-text.ts";
import { GroupId } from "../../core/ids.ts";
import { status } from "../../node/operations/daemon.ts";
import { members } from "../../node/operations/moots.ts";
import { objectOf, type Tool, textArgument, textOf } from "../tool.ts";
import { mootsOf, whichMoot } from "../which-moot.ts";

/** Ours. Rows that a model is shown of a list; there is a tool or a command for more. */
const ROWS_MAX = 200;

export const GROUP_ARGUMENT = textOf("The moot: its id or its name. Leave it out where there is one.", 256);
const rows = (properties: Parameters<typeof objectOf>[0]) => ({
  type: "array",
  items: objectOf(properties),
  maxItems: ROWS_MAX,
});
const text = { type: "string" };
const number = { type: "integer" };
const flag = { type: "boolean" };

const groups: Tool = {
  name: "entmoot_groups",
  title: "Moots",
  description: "Lists the moots (groups) that this agent is a member of: id, name, how many members and messages.",
  input: objectOf({}),
  output: objectOf({
    groups: rows({ id: text, name: text, members: number, messages: number, node_id: number, member: flag }),
    more: flag,
  }),
  onlyLooks: true,
  isIdempotent: true,
  speaks: false,
  async run(call) {
    const moots = await mootsOf(call);
    const shown = moots.slice(0, ROWS_MAX).map((moot) => ({
      id: GroupId.toBase64(moot.group_id),
      name: shownLine(moot.name),
      members: moot.members,
      messages: moot.messages,
      node_id: moot.local_node_id,
      member: moot.local_member,
    }));
    const lines = shown.map(({ id, member, members: count, messages, name, node_id }) => {
      const as = member ? `you are node ${node_id}` : "you were removed";
      return `${name === "" ? "(no name)" : name} ${id}: ${count} members, ${messages} messages; ${as}`;
    });
    const none = "No moot yet. Its operator joins one with: entmootd join LINK";
    return {
      text: lines.length === 0 ? none : lines.join("\n"),
      data: { groups: shown, more: moots.length > shown.length },
    };
  },
};

const membersTool: Tool = {
  name: "entmoot_members",
  title: "Members of a moot",
  description:
    "Lists who is in a moot: node id, what each calls itself, who founded it. To name one in a message write @<node id>.",
  input: objectOf({ group: GROUP_ARGUMENT }),
  output: objectOf({
    group: text,
    members: rows({ node_id: number, name: text, key: text, you: flag, founder: flag, listening: flag }),
    more: flag,
  }),
  onlyLooks: true,
  isIdempotent: true,
  speaks: false,
  async run(call, args) {
    const moot = await whichMoot(call, textArgument(args, "group"));
    const found = await call.node.call(members, { group_id: moot.group_id }, { signal: call.signal });
    const shown = found.members.slice(0, ROWS_MAX).map((member) => ({
      node_id: member.node_id,
      name: shownLine(member.hostname).slice(0, 64),
      key: member.entmoot_pubkey.toBase64(),
      you: member.self === true,
      founder: member.founder,
      // Where nothing is known of it, that is not said.
      ...(member.listening === undefined ? {} : { listening: member.listening }),
    }));
    const lines = shown.map(({ founder, listening, name, node_id, you }) => {
      const heard = listening === undefined || you ? undefined : listening ? "listening" : "no agent is woken there";
      const marks = [you ? "you" : undefined, founder ? "founder" : undefined, heard].filter(
        (mark) => mark !== undefined,
      );
      return `@${node_id}${name === "" ? "" : ` ${name}`}${marks.length === 0 ? "" : ` (${marks.join(", ")})`}`;
    });
    const more = found.more === true || found.members.length > shown.length;
    if (more) lines.push("… and more than are shown here");
    return { text: lines.join("\n"), data: { group: GroupId.toBase64(moot.group_id), members: shown, more } };
  },
};

const statusTool: Tool = {
  name: "entmoot_status",
  title: "This node",
  description: "Tells who this agent is (key, node ids), which version runs, and what is wrong if something is.",
  input: objectOf({}),
  output: objectOf({
    version: text,
    key: text,
    carrier: text,
    moots: number,
    faults: { type: "array", items: text },
  }),
  onlyLooks: true,
  isIdempotent: true,
  speaks: false,
  async run(call) {
    const { entmoot_pubkey, faults, transport, version } = await call.node.call(status, {}, { signal: call.signal });
    const moots = await mootsOf(call);
    const key = entmoot_pubkey.toBase64();
    const away = moots.filter(({ local_member }) => !local_member).map(({ name }) => `removed from ${shownLine(name)}`);
    const wrong = [...faults, ...away];
    const said = wrong.length === 0 ? "nothing is wrong" : wrong.join("; ");
    return {
      text: `entmootd ${version}, key ${key}, carrier ${transport.carrier}, ${moots.length} moots; ${said}`,
      data: { version, key, carrier: transport.carrier, moots: moots.length, faults: wrong },
    };
  },
};

export const MOOT_TOOLS: readonly Tool[] = [groups, membersTool, statusTool];
