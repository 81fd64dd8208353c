import type { Clock } from "../core/clock.ts";
import type { GroupId } from "../core/ids.ts";
import type { Codec } from "../core/json/json-codec.ts";
import type { JsonSchema } from "../core/json/json-schema.ts";
import type { TellEvents } from "../host/http-request.ts";
import type { Log } from "../host/log.ts";
import type { Operations } from "../node/operations/operation.ts";
import type { DeviceRegistry } from "../store/device-registry.ts";
import type { EspStore } from "../store/esp-store.ts";
import type { AuthMode } from "./authenticate.ts";
import type { LiveHub } from "./live/live-hub.ts";
import type { Principal } from "./principal.ts";

/** The node behind the service; see docs/http.md. */
export interface ServiceNode {
  /** Answers what only looks, and the mailbox. */
  readonly reads: Operations;
  /** Who changes moots. Throws `control_unavailable` where no daemon answers. */
  writes(): Promise<Operations>;
  /** Whether somebody who changes moots answers just now. */
  isWritable(): Promise<boolean>;
  /** Whether the moot is joined here. Costs some microseconds. */
  holds(groupId: GroupId): boolean;
  /** All that are joined here. */
  groupIds(): readonly GroupId[];
  /** The number of the last message of a moot's log; `undefined` where it cannot be read. Costs some microseconds. */
  lastSeq(groupId: GroupId): number | undefined;
  /** Calls back soon after messages may have come, until what it gives is disposed of. */
  onNews(listener: () => void): Disposable;
}

/** What routes work on. */
export interface ServiceContext {
  readonly node: ServiceNode;
  readonly live: LiveHub;
  readonly esp: EspStore;
  /** `undefined` in the mode `bearer`. */
  readonly registry: DeviceRegistry | undefined;
  readonly mode: AuthMode;
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes nobody can guess. */
  readonly random: (length: number) => Uint8Array;
}

/** One parameter of a query. */
export interface QueryField<T> {
  readonly schema: JsonSchema;
  readonly description: string;
  readonly isRequired?: boolean;
  /** Whatever came, it is never refused. */
  readonly takesAnything?: boolean;
  /** `text`: the first of that name, decoded; `undefined`: none came. Throws 400. */
  read(text: string | undefined): T;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds fields of every kind; each key keeps its own.
export type QueryFields = { readonly [name: string]: QueryField<any> };
type QueryValues<Q extends QueryFields> = { readonly [K in keyof Q]: Q[K] extends QueryField<infer T> ? T : never };

/** One request as a route's handler sees it: everything checked that its definition names. */
export interface RouteAsk<Query, Body> {
  /** `undefined` on a public route. */
  readonly principal: Principal | undefined;
  /** Of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** The body as it came. */
  readonly bytes: Uint8Array;
  /** As of `ServedRequest`. */
  readonly header: (name: string) => string | undefined;
  readonly signal: AbortSignal;
}

/** Of a route that names a moot, or a client of its mailbox. */
export interface RouteMoot {
  readonly group: GroupId;
  readonly client: string;
}

/** What a handler gives. */
export interface RouteAnswer {
  readonly status: number;
  /** Written by the codec that the route declares for the status. */
  readonly value: unknown;
  /** Instead of `value`: what tells events as long as it runs. */
  readonly tell?: TellEvents;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Who may ask a route: nobody is asked for; whoever is signed in; also members. */
export type RouteAccess = "public" | "signed in" | "signed in or member";

/** What of whoever asks is looked at, in this order, ahead of query and body. */
export type RouteNeed = "device" | "manage" | "operator";

export interface RouteBody<T> {
  readonly codec: Codec<T>;
  readonly maxBytes: number;
  /** Keys that the codec does not know are refused. */
  readonly isStrict: boolean;
  /** A body that is empty counts as `{}`; else it is refused. */
  readonly mayBeEmpty: boolean;
  /** The handler reads the bytes itself; the codec is for documents. */
  readonly isRaw?: true;
}

/** A page for people: the value is its text. */
export const HTML = "html";

/** One route, as a value: the table, the documents and what is served come from it. */
export interface HttpRoute {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Segments as they are; `{name}` is one of any text. */
  readonly path: string;
  /** Its name in documents: camel case. */
  readonly name: string;
  /** One sentence for documents. */
  readonly summary: string;
  readonly access: RouteAccess;
  readonly needs: readonly RouteNeed[];
  /** Where the moot is named that it is about; whoever may not read it is told that it is not there. */
  readonly group: "path" | "query" | "body" | undefined;
  /** Where the client of the mailbox is named, which whoever asks must be allowed. `query or device`: a device's own id is the default. */
  readonly client: "query" | "query or device" | "body" | undefined;
  readonly query: QueryFields;
  readonly body: RouteBody<unknown> | undefined;
  /** The scope of its idempotency keys, without whoever asks; `undefined`: it has none. */
  readonly idempotency: ((ask: Pick<RouteAsk<unknown, unknown>, "params"> & RouteMoot) => string) | undefined;
  /** So many in an hour of each who asks, where what it does is dear; beside the limit that is for all routes. */
  readonly perHour: number | undefined;
  /** What it answers with, by status; `undefined`: without a body. Refusals have the error envelope. */
  readonly answers: Readonly<Record<number, Codec<unknown> | typeof HTML | undefined>>;
  /** It answers with events, as `EVENT_STREAM` or over a WebSocket. */
  readonly isLive: boolean;
  /** Codes of refusals beside those that its needs bring. */
  readonly refusals: Readonly<Record<number, readonly string[]>>;
  handle(context: ServiceContext, ask: RouteAsk<never, never> & RouteMoot): Promise<RouteAnswer> | RouteAnswer;
}

interface RouteDefinition<Q extends QueryFields, B> {
  readonly method: HttpRoute["method"];
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  readonly access?: RouteAccess;
  readonly needs?: readonly RouteNeed[];
  readonly group?: "query" | "body";
  readonly client?: HttpRoute["client"];
  readonly query?: Q;
  readonly body?: RouteBody<B>;
  readonly idempotency?: HttpRoute["idempotency"];
  readonly perHour?: number;
  // biome-ignore lint/suspicious/noExplicitAny: each status has a codec of its own.
  readonly answers: Readonly<Record<number, Codec<any> | typeof HTML | undefined>>;
  readonly isLive?: boolean;
  readonly refusals?: HttpRoute["refusals"];
  readonly handle: (
    context: ServiceContext,
    ask: RouteAsk<QueryValues<Q>, B> & RouteMoot,
  ) => Promise<RouteAnswer> | RouteAnswer;
}

/** A route with the usual where its definition does not say otherwise. A `{group}` in its path is the moot. */
export function route<const Q extends QueryFields = Record<never, never>, B = undefined>(
  definition: RouteDefinition<Q, B>,
): HttpRoute {
  const { access = "signed in", isLive = false, needs = [], path, query = {}, refusals = {} } = definition;
  return {
    ...definition,
    access,
    needs,
    query,
    refusals,
    isLive,
    group: definition.group ?? (path.includes("{group}") ? "path" : undefined),
    client: definition.client,
    idempotency: definition.idempotency,
    perHour: definition.perHour,
    body: definition.body as RouteBody<unknown> | undefined,
    handle: definition.handle as HttpRoute["handle"],
  };
}

/** What events come as. */
export const EVENT_STREAM = "text/event-stream";

/** An answer with 200. */
export const ok = (value: unknown): RouteAnswer => ({ status: 200, value });
