import { encodeUtf8 } from "../core/bytes/utf8.ts";
import type { SteadyMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import { type Codec, decodeJson, encodeWire } from "../core/json/json-codec.ts";
import { BucketTable } from "../core/policy/token-bucket.ts";
import type { ServedAnswer, ServedRequest } from "../host/http-request.ts";
import { patiently } from "../node/mailbox/patience.ts";
import type { Claims, Gate, GateAsk } from "./authenticate.ts";
import { parseGroupId } from "./group-id-text.ts";
import { checkHost, type HostRule } from "./host-check.ts";
import {
  asFailure,
  badRequest,
  bodyTooLarge,
  errorEnvelope,
  forbidden,
  groupNotFound,
  HttpFailure,
  internalError,
  notFound,
  tooMany,
} from "./http-failure.ts";
import { Idempotency, type PlainAnswer } from "./idempotency.ts";
import { LiveHub } from "./live/live-hub.ts";
import { isBearer, mayManage, mayRead, mayUseClient, type Principal, principalName } from "./principal.ts";
import { RefusalLog } from "./refusal-log.ts";
import { EVENT_STREAM, HTML, type HttpRoute, type RouteAsk, type RouteBody, type ServiceContext } from "./route.ts";
import { type PathMatch, RouteTable } from "./route-table.ts";
import { parseQuery, parseTarget, type Target } from "./target.ts";

/** Ours. A body of somebody who is not known yet, and of routes that take none. */
const UNKNOWN_BODY_MAX = 1024 * 1024;

export interface ServiceParts {
  readonly context: Omit<ServiceContext, "live">;
  readonly gate: Gate;
  readonly hosts: HostRule;
  /** Requests of one in a minute; 0 for no limit. */
  readonly perMinute: number;
  readonly table?: RouteTable;
}

/** Ours. Who is counted at once; past it the longest quiet one is forgotten. */
const COUNTED_MAX = 16_384;

/** A request on its way, what is known of it so far. */
interface Asking {
  readonly request: ServedRequest;
  readonly target: Target;
  readonly segments: readonly string[];
  /** `HEAD` counts as `GET`. */
  readonly method: string;
}

/** Requests to answers, by the route table. See docs/http.md. */
export class HttpService {
  readonly #parts: ServiceParts;
  readonly #context: ServiceContext;
  readonly #table: RouteTable;
  readonly #buckets: BucketTable<SteadyMs> | undefined;
  /** Of routes that have a limit of their own. */
  readonly #hourly = new Map<HttpRoute, BucketTable<SteadyMs>>();
  readonly #idempotency: Idempotency;
  readonly #log: RefusalLog;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#context = { ...parts.context, live: new LiveHub(parts.context) };
    this.#table = parts.table ?? new RouteTable();
    const { clock, esp, log } = parts.context;
    const { perMinute } = parts;
    const rate = { perSecond: perMinute / 60, burst: perMinute };
    this.#buckets = perMinute === 0 ? undefined : new BucketTable([rate], COUNTED_MAX);
    const wait = <T>(work: () => T) => patiently(clock, new AbortController().signal, work);
    this.#idempotency = new Idempotency({ store: esp.idempotency, clock, patiently: wait });
    this.#log = new RefusalLog(clock, log);
  }

  /** Never rejects. */
  readonly answer = async (request: ServedRequest): Promise<ServedAnswer> => {
    const target = parseTarget(request.target);
    try {
      return await this.#answer(request, target);
    } catch (thrown) {
      const failure = asFailure(thrown);
      this.#log.note(request, target, failure);
      return refusalOf(failure);
    }
  };

  async #answer(request: ServedRequest, target: Target): Promise<ServedAnswer> {
    checkHost(request, this.#parts.hosts);
    const segments = withoutSlash(target.segments ?? []);
    const method = request.method === "HEAD" ? "GET" : request.method;
    const asking = { request, target, segments, method };
    const match = this.#table.match(segments);
    const [first] = match?.routes.values() ?? [];
    if (first?.access === "public") {
      this.#spend(`from ${request.address}`);
      return await this.#run(asking, match!, undefined);
    }
    if (segments[0] !== "v1") throw notFound();
    if (segments[1] === "fleets") throw featureDisabled(segments);
    if (segments[1] === "open-invites" && segments[2] !== "accept") throw notFound();
    // Public but for one route: a path that is none of it is so for everybody.
    if (segments[1] === "public-moots" && match === undefined) throw notFound();
    const route = match?.routes.get(method);
    const principal = await this.#authenticate(asking, route, first?.access === "signed in or member");
    this.#spend(principalName(principal));
    // The group is looked at ahead of what is asked of it, so that paths below an unknown one tell nothing either.
    const group = segments[1] === "groups" && segments.length > 2 ? parseGroupId(segments[2]!) : undefined;
    if (group !== undefined) this.#requireGroup(principal, group);
    if (match === undefined) throw notFound();
    return await this.#run(asking, match, principal, group);
  }

  async #authenticate(asking: Asking, route: HttpRoute | undefined, takesMembers: boolean): Promise<Principal> {
    const { request, target } = asking;
    const ask: GateAsk = { request, target: target.signed, takesMembers };
    const spend = () => this.#spend(`from ${request.address}`);
    let claims: Claims;
    try {
      claims = this.#parts.gate.claims(ask);
    } catch (error) {
      spend();
      if (Number(request.header("content-length") ?? 0) > UNKNOWN_BODY_MAX) throw bodyTooLarge();
      throw error;
    }
    const most = route?.body?.maxBytes ?? UNKNOWN_BODY_MAX;
    const isTrusted = claims.isBearer || claims.isKnown;
    const body = await bodyOf(request, isTrusted ? most : Math.min(most, UNKNOWN_BODY_MAX), isTrusted);
    try {
      return await claims.prove(body);
    } catch (error) {
      // A device that is who it says is not held up by others who use its name.
      if (asFailure(error).status === 401) spend();
      throw error;
    }
  }

  /** Throws 429. */
  #spend(who: string): void {
    const nowMs = this.#parts.context.clock.steady();
    const allowedMs = this.#buckets?.spend(who, [1], nowMs);
    if (allowedMs !== undefined) throw tooMany(allowedMs - nowMs);
  }

  /** Throws 429. */
  #spendHourly(route: HttpRoute, who: string): void {
    const { perHour } = route;
    if (perHour === undefined || this.#buckets === undefined) return;
    let table = this.#hourly.get(route);
    if (table === undefined) {
      table = new BucketTable([{ perSecond: perHour / 3600, burst: perHour }], COUNTED_MAX);
      this.#hourly.set(route, table);
    }
    const nowMs = this.#parts.context.clock.steady();
    const allowedMs = table.spend(who, [1], nowMs);
    if (allowedMs !== undefined) throw tooMany(allowedMs - nowMs);
  }

  /** One that is not there and one that is not for whoever asks are told alike. */
  #requireGroup(principal: Principal | undefined, group: GroupId): void {
    if (principal === undefined) return;
    const isThere = this.#parts.context.node.holds(group);
    if (principal.kind === "member" && !principal.isBearer) {
      // Whether it is one of the moot's is for the route to say; what is not there has no members.
      if (!isThere) throw forbidden("member is not authorized for group");
      return;
    }
    if (!mayRead(principal, group) || !isThere) throw groupNotFound();
  }

  async #run(
    { method, request, target }: Asking,
    { params, routes }: PathMatch,
    principal: Principal | undefined,
    group?: GroupId,
  ): Promise<ServedAnswer> {
    const allow = [...routes.keys()].join(", ");
    if (method === "OPTIONS") return { status: 204, headers: { Allow: allow }, body: undefined };
    const route = routes.get(method);
    if (route === undefined) {
      throw new HttpFailure(405, "method_not_allowed", "method not allowed", { headers: { Allow: allow } });
    }
    this.#spendHourly(route, principal === undefined ? `from ${request.address}` : principalName(principal));
    const bytes = await bodyOf(request, route.body?.maxBytes ?? UNKNOWN_BODY_MAX, principal !== undefined);
    const work = () => this.#handle(route, { request, target, params, principal, group, bytes });
    const key = request.header("idempotency-key") ?? "";
    if (route.idempotency === undefined || key === "") return await work();
    const asked = route.idempotency({ params, group: group!, client: "" });
    const scope = `${asked}:${principalName(principal)}`;
    const plain = () => work().then(plainAnswer, (error: unknown) => this.#refused(request, target, error));
    const { body, status } = await this.#idempotency.run({ scope, key, body: bytes }, plain);
    return { status, headers: JSON_HEADERS, body };
  }

  #refused(request: ServedRequest, target: Target, error: unknown): PlainAnswer {
    const failure = asFailure(error);
    // With a header of its own it is told as it is, and not kept.
    if (Object.keys(failure.headers).length > 0) throw failure;
    this.#log.note(request, target, failure);
    return plainAnswer(refusalOf(failure));
  }

  async #handle(route: HttpRoute, asked: RouteAsked): Promise<ServedAnswer> {
    const { bytes, params, principal, request, target } = asked;
    const values = parseQuery(target.query);
    requirePrincipal(route, principal);
    let body: unknown;
    if (route.group === "body" || route.client === "body") body = readBody(route.body!, bytes);
    const group = this.#groupOf(route, { values, body, ...asked });
    if (route.needs.includes("manage") && !mayManage(principal!, group!)) {
      throw forbidden("device is not authorized to manage group");
    }
    const client = clientOf(route, { principal, values, body });
    const query = Object.fromEntries(
      Object.entries(route.query).map(([name, field]) => [name, field.read(values.get(name))]),
    );
    if (route.body !== undefined && !route.body.isRaw) body ??= readBody(route.body, bytes);
    const { header, signal } = request;
    const ask: RouteAsk<unknown, unknown> = { principal, params, query, body, bytes, header, signal };
    const { headers, status, tell, value } = await route.handle(this.#context, {
      ...ask,
      group: group as GroupId,
      client: client ?? "",
    } as Parameters<HttpRoute["handle"]>[1]);
    if (!(status in route.answers)) {
      throw internalError({ cause: new Error(`${route.name} answered ${status}, which it does not declare`) });
    }
    if (tell !== undefined) return { status, headers: { ...EVENT_HEADERS, ...headers }, body: tell };
    const codec = route.answers[status];
    return written(status, codec, value, headers);
  }

  #groupOf(
    route: HttpRoute,
    { body, group, principal, values }: RouteAsked & { values: ReadonlyMap<string, string>; body: unknown },
  ): GroupId | undefined {
    if (route.group === "path" || route.group === undefined) return group;
    const found =
      route.group === "query"
        ? parseGroupId(required(values.get("group_id"), "group_id"))
        : (body as { readonly group_id: GroupId }).group_id;
    this.#requireGroup(principal, found);
    return found;
  }
}

interface RouteAsked {
  readonly request: ServedRequest;
  readonly target: Target;
  readonly params: Readonly<Record<string, string>>;
  readonly principal: Principal | undefined;
  /** Of the path. */
  readonly group: GroupId | undefined;
  readonly bytes: Uint8Array;
}

const JSON_HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
};
const EVENT_HEADERS = { ...JSON_HEADERS, "Content-Type": EVENT_STREAM, "X-Accel-Buffering": "no" };
const LINE_FEED = encodeUtf8("\n");

const HTML_HEADERS = { ...JSON_HEADERS, "Content-Type": "text/html; charset=utf-8" };

function written(
  status: number,
  codec: Codec<unknown> | typeof HTML | undefined,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): ServedAnswer {
  if (codec === undefined) return { status, headers, body: undefined };
  if (codec === HTML) return { status, headers: { ...HTML_HEADERS, ...headers }, body: encodeUtf8(String(value)) };
  const body = Buffer.concat([encodeWire(codec, value), LINE_FEED]);
  return { status, headers: { ...JSON_HEADERS, ...headers }, body };
}

function refusalOf({ code, feature, headers, message, places, status }: HttpFailure): ServedAnswer {
  return written(status, errorEnvelope as Codec<unknown>, { error: { code, message, feature, places } }, headers);
}

function plainAnswer({ body, status }: ServedAnswer): PlainAnswer {
  if (typeof body === "function") throw internalError({ cause: new Error("a stream under an idempotency key") });
  return { status, body: body ?? encodeUtf8("{}") };
}

/** One slash behind an id is the id alone. */
function withoutSlash(segments: readonly string[]): readonly string[] {
  const isId = segments.length === 4 && segments[3] === "" && segments[0] === "v1";
  return isId ? segments.slice(0, 3) : segments;
}

function featureDisabled(segments: readonly string[]): HttpFailure {
  const isTasks = segments[3] === "tasks" || segments[3] === "commands";
  const feature = isTasks ? "tasks" : "fleet";
  return new HttpFailure(404, "feature_disabled", `${feature} feature is disabled`, { feature });
}

async function bodyOf(request: ServedRequest, maxBytes: number, isKnown: boolean): Promise<Uint8Array> {
  try {
    return await request.body(maxBytes, isKnown);
  } catch (error) {
    if (error instanceof EntmootError && error.code === "frame_too_large") throw bodyTooLarge();
    throw error;
  }
}

function requirePrincipal({ needs }: HttpRoute, principal: Principal | undefined): void {
  if (needs.includes("operator") && principal !== undefined && !isBearer(principal)) {
    throw new HttpFailure(403, "operator_required", "operation requires the operator's token");
  }
  if (!needs.includes("device") || principal?.kind === "device") return;
  const why = "operation requires a registered device signature";
  throw new HttpFailure(403, "device_signature_required", why);
}

interface ClientAsk {
  readonly principal: Principal | undefined;
  readonly values: ReadonlyMap<string, string>;
  readonly body: unknown;
}

function clientOf({ client: where }: HttpRoute, { body, principal, values }: ClientAsk): string | undefined {
  if (where === undefined) return undefined;
  const given = where === "body" ? (body as { readonly client_id: string }).client_id : values.get("client_id");
  const own = where === "query or device" && principal?.kind === "device" ? principal.device.id : undefined;
  const client = required(given?.trim() || own, "client_id");
  if (principal !== undefined && !mayUseClient(principal, client)) {
    throw forbidden("device is not authorized for client_id");
  }
  return client;
}

function required(value: string | undefined, name: string): string {
  if (value === undefined || value === "") throw badRequest(`${name} is required`);
  return value;
}

function readBody({ codec, isStrict, mayBeEmpty }: RouteBody<unknown>, bytes: Uint8Array): unknown {
  const isEmpty = bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
  if (isEmpty && !mayBeEmpty) throw badRequest("invalid JSON body: EOF");
  try {
    return decodeJson(codec, isEmpty ? encodeUtf8("{}") : bytes, isStrict ? { unknownKeys: "refuse" } : {});
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    const [, unknown] = /expected a known key, found (".*")$/.exec(error.message) ?? [];
    throw badRequest(`invalid JSON body: ${unknown === undefined ? error.message : `json: unknown field ${unknown}`}`);
  }
}
