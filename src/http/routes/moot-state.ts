import { EntmootError } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { documented, omitted, optional, struct } from "../../core/json/json-codec.ts";
import { groupId, rawJson, text, u32 } from "../../core/json/json-scalars.ts";
import { live_agents } from "../../node/operations/agent-setup.ts";
import { PROBE_PEERS_MAX, type ProbeRow, probe, probeTimeoutMs } from "../../node/operations/diagnosis.ts";
import { stats } from "../../node/operations/find.ts";
import { type MemberRow, members, type PeerRow, peers } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { policy } from "../../node/operations/policy.ts";
import { policyJson } from "../../view/policy-text.ts";
import { count, plainList } from "../../wire/frame/bounded.ts";
import { badRequest, forbidden, HttpFailure } from "../http-failure.ts";
import { switchField } from "../query-fields.ts";
import { ok, type QueryField, type RouteAsk, route, type ServiceContext } from "../route.ts";

/** Ours. More than any answer of the operations holds. */
const ROWS_MAX = 16_384;

const policyOfMoot = route({
  method: "GET",
  path: "/v1/groups/{group}/policy",
  name: "policy",
  summary: "What a moot allows its authors, and how long it keeps what they write",
  answers: { 200: documented("as group policy status prints it", rawJson) },
  refusals: { 503: ["policy_unavailable"] },
  async handle({ node }, { group, signal }) {
    const daemon = await node.writes().catch((cause: unknown) => {
      throw new HttpFailure(503, "policy_unavailable", textOf(cause), { cause });
    });
    return ok(JSON.stringify(policyJson(await daemon.call(policy, { group_id: group }, { signal }))));
  },
});

function textOf(error: unknown): string {
  return error instanceof EntmootError ? error.message : "the daemon cannot be asked";
}

const liveState = struct("live agents of a moot", {
  configs: documented("how agents of this node are to take part by themselves", rawJson),
  presence: documented("those that run now: none tells that it does", rawJson),
  members: documented("by node id: what is known of each that is enabled", rawJson),
});

const liveAgentsOfMoot = route({
  method: "GET",
  path: "/v1/groups/{group}/live-agents",
  name: "listLiveAgents",
  summary: "How agents take part in a moot by themselves, as it is kept here",
  access: "signed in or member",
  answers: { 200: liveState },
  refusals: { 403: ["forbidden"], 503: ["join_unavailable"] },
  async handle(context, ask) {
    const { group, signal } = ask;
    await requireOnRoster(context, ask);
    const daemon = await context.node.writes();
    const { configs } = await daemon.call(live_agents, { group_id: group }, { signal });
    const kept = JSON.parse(configs ?? "[]") as (Record<string, unknown> & { node_id: number; enabled: boolean })[];
    const enabled = kept.filter((config) => config.enabled);
    const states = enabled.map(({ group_id: _, node_id, ...state }) => [node_id, { ...state, status: "offline" }]);
    return ok({
      configs: JSON.stringify(kept),
      presence: "[]",
      members: JSON.stringify(Object.fromEntries(states)),
    });
  },
});

/** A member counts by node id and key as the roster has them. */
async function requireOnRoster(
  { node }: ServiceContext,
  {
    group,
    principal,
    signal,
  }: Pick<RouteAsk<unknown, unknown>, "principal" | "signal"> & {
    readonly group: Parameters<ServiceContext["node"]["holds"]>[0];
  },
): Promise<void> {
  if (principal?.kind !== "member" || principal.isBearer) return;
  const { members: rows } = await node.reads.call(members, { group_id: group }, { signal });
  const isThere = rows.some(({ entmoot_pubkey, node_id }) => {
    if (entmoot_pubkey.length !== 32) return false;
    return node_id === principal.nodeId && PublicKey.fromBytes(entmoot_pubkey) === principal.key;
  });
  if (!isThere) throw forbidden("member is not authorized for group");
}

const diagnosedPeer = struct(
  "peer diagnosed",
  {
    node_id: u32,
    hostname: omitted(text),
    roster: text,
    profile: text,
    transport: text,
    trust: text,
    route: text,
    rtt_ms: optional(count),
    error: omitted(text),
    diagnosis: text,
    suggestion: omitted(text),
    next_command: omitted(text),
  },
  { required: ["node_id", "roster", "profile", "transport", "trust", "route", "diagnosis"] },
);

const diagnosed = struct(
  "moot diagnosed",
  {
    group_id: groupId,
    local_member: documented("true or false", rawJson),
    local_member_status: text,
    members: count,
    messages: count,
    suggestion: omitted(text),
    next_command: omitted(text),
    peers: plainList(diagnosedPeer, ROWS_MAX),
  },
  { required: ["group_id", "local_member", "local_member_status", "members", "messages", "peers"] },
);

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 3.6e6,
};

/** Wire. A duration of Go; it is held between 250 ms and 30 s. */
const timeoutField: QueryField<number> = {
  schema: { type: "string", default: "3s" },
  description: "what each peer has to answer, such as 3s",
  read(given = "") {
    const said = given.trim() || "3s";
    const parts = [...said.matchAll(/(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(ns|us|µs|μs|ms|s|m|h)/gy)];
    const isWhole = parts.map(([part]) => part).join("") === said.replace(/^[+-]/, "");
    const isZero = /^[+-]?0$/.test(said);
    if (!isZero && (!isWhole || parts.length === 0)) throw badRequest("timeout must be a Go duration such as 3s");
    const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS_MS[unit!]!, 0);
    return probeTimeoutMs(said.startsWith("-") ? 0 : Math.trunc(ms));
  },
};

const diagnosticsOfMoot = route({
  method: "GET",
  path: "/v1/groups/{group}/diagnostics",
  name: "diagnostics",
  summary: "How each member of a moot is reached from here, and why one is not",
  query: { probe: switchField("ask each for a sign of life"), timeout: timeoutField },
  answers: { 200: struct("diagnostics", { group: diagnosed }, { required: ["group"] }) },
  async handle({ node }, { group, query, signal }) {
    const { members: rows } = await node.reads.call(members, { group_id: group }, { signal });
    const daemon = await node.writes().catch(() => undefined);
    const links =
      daemon &&
      new Map((await daemon.call(peers, { group_id: group }, { signal })).peers.map((one) => [one.node_id, one]));
    const asked = rows.filter(({ self }) => !self).map(({ node_id }) => node_id);
    const answers =
      query.probe && daemon ? await probeAll(daemon, group, { asked, timeoutMs: query.timeout, signal }) : undefined;
    const { messages } = await node.reads.call(stats, { group_id: group, limit: 1 }, { signal });
    const self = rows.find((row) => row.self);
    const isUnknown = rows.every((row) => row.self === undefined);
    return ok({
      group: {
        group_id: group,
        local_member: String(self !== undefined),
        local_member_status: self !== undefined ? "ok" : isUnknown ? "pilot_unknown" : "not_in_roster",
        members: rows.length,
        messages,
        suggestion: self === undefined && !isUnknown ? "this node is no member; its founder can add it again" : "",
        next_command: "",
        peers: rows.map((row) => {
          const link = links?.get(row.node_id);
          const answer = query.probe ? (answers?.get(row.node_id) ?? "daemon_down") : undefined;
          return peerOf(row, link, answer);
        }),
      },
    });
  },
});

interface ProbeAsk {
  readonly asked: readonly number[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function probeAll(
  daemon: Operations,
  group_id: Parameters<ServiceContext["node"]["holds"]>[0],
  { asked, signal, timeoutMs }: ProbeAsk,
) {
  const found = new Map<number, ProbeRow>();
  const first = asked.slice(0, PROBE_PEERS_MAX);
  if (first.length === 0) return found;
  const { peers: rows } = await daemon.call(probe, { group_id, peers: first, timeout_ms: timeoutMs }, { signal });
  for (const row of rows) found.set(row.node_id, row);
  return found;
}

/** Wire. The original's words for it, in its order of what counts. */
function peerOf(row: MemberRow, link: PeerRow | undefined, answer: ProbeRow | "daemon_down" | undefined) {
  const isSelf = row.self === true;
  const profile = row.hostname === "" ? "missing" : "ok";
  const transport = isSelf ? "ok" : link?.hints_stale ? "stale" : (link?.hints.length ?? 0) > 0 ? "ok" : "missing";
  const trust = isSelf ? "self" : link?.trust === "key" ? "trusted" : "unknown";
  const route = isSelf ? "self" : routeOf(answer);
  const told = [
    [trust === "unknown" && link !== undefined && transport !== "ok", "unknown"],
    [profile === "missing", "profile_missing"],
    [transport === "missing" && link !== undefined, "transport_missing"],
    [transport === "stale", "transport_stale"],
    [answer !== undefined && !isSelf, route],
  ] as const;
  return {
    node_id: row.node_id,
    hostname: row.hostname,
    roster: "ok",
    profile,
    transport,
    trust,
    route,
    rtt_ms: typeof answer === "object" ? answer.rtt_ms : link?.rtt_ms,
    error: (typeof answer === "object" ? answer.error : link?.error) ?? "",
    diagnosis: (isSelf ? undefined : told.find(([holds]) => holds)?.[1]) ?? "ok",
    suggestion: "",
    next_command: "",
  };
}

function routeOf(answer: ProbeRow | "daemon_down" | undefined): string {
  if (answer === undefined) return "not_checked";
  if (answer === "daemon_down") return answer;
  if (answer.ok) return "ok";
  switch (answer.failure) {
    case "timeout":
      return "route_timeout";
    case "refused":
    case "stranger":
      return "route_refused";
    case "unsupported":
      return "probe_unsupported";
    default:
      return "probe_failed";
  }
}

export const STATE_ROUTES = [policyOfMoot, liveAgentsOfMoot, diagnosticsOfMoot];
