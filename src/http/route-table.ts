import type { HttpRoute } from "./route.ts";
import { DIRECTORY_ROUTES } from "./routes/directory.ts";
import { openApi } from "./routes/documents.ts";
import { EVENT_ROUTES } from "./routes/events.ts";
import { FIND_ROUTES } from "./routes/find.ts";
import { GROUP_ROUTES } from "./routes/groups.ts";
import { MAILBOX_ROUTES } from "./routes/mailbox.ts";
import { MESSAGE_ROUTES } from "./routes/messages.ts";
import { STATE_ROUTES } from "./routes/moot-state.ts";
import { OPEN_INVITE_ROUTES } from "./routes/open-invites.ts";
import { STATUS_ROUTES } from "./routes/status.ts";

/** Every route there is, in the order of documents. */
export const ROUTES: readonly HttpRoute[] = [
  ...STATUS_ROUTES,
  openApi(() => ROUTES),
  ...GROUP_ROUTES,
  ...MESSAGE_ROUTES,
  ...MAILBOX_ROUTES,
  ...FIND_ROUTES,
  ...STATE_ROUTES,
  ...EVENT_ROUTES,
  ...OPEN_INVITE_ROUTES,
  ...DIRECTORY_ROUTES,
];

/** The routes of one path, with what its parameters are. */
export interface PathMatch {
  /** By method. */
  readonly routes: ReadonlyMap<string, HttpRoute>;
  readonly params: Readonly<Record<string, string>>;
}

interface PathNode {
  readonly literal: Map<string, PathNode>;
  any: PathNode | undefined;
  /** Ends here. */
  readonly routes: Map<string, HttpRoute>;
}

/** Routes by path. */
export class RouteTable {
  readonly #root = newNode();

  /** Throws where two have one method and path. */
  constructor(routes: readonly HttpRoute[] = ROUTES) {
    for (const route of routes) {
      let node = this.#root;
      for (const segment of route.path.slice(1).split("/")) node = childOf(node, segment);
      if (node.routes.has(route.method)) throw new Error(`two routes for ${route.method} ${route.path}`);
      node.routes.set(route.method, route);
    }
  }

  /** `segments`: decoded. Words come before parameters. */
  match(segments: readonly string[]): PathMatch | undefined {
    const values: string[] = [];
    const node = find(this.#root, segments, 0, values);
    const [route] = node?.routes.values() ?? [];
    if (node === undefined || route === undefined) return undefined;
    const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    return { routes: node.routes, params: Object.fromEntries(names.map((name, at) => [name, values[at]!])) };
  }
}

function newNode(): PathNode {
  return { literal: new Map(), any: undefined, routes: new Map() };
}

function childOf(node: PathNode, segment: string): PathNode {
  if (segment.startsWith("{")) {
    node.any ??= newNode();
    return node.any;
  }
  const child = node.literal.get(segment) ?? newNode();
  node.literal.set(segment, child);
  return child;
}

function find(node: PathNode, segments: readonly string[], at: number, values: string[]): PathNode | undefined {
  if (at === segments.length) return node.routes.size > 0 ? node : undefined;
  const segment = segments[at]!;
  const child = node.literal.get(segment);
  const found = child && find(child, segments, at + 1, values);
  if (found !== undefined || node.any === undefined || segment === "") return found;
  values.push(segment);
  const deeper = find(node.any, segments, at + 1, values);
  if (deeper === undefined) values.pop();
  return deeper;
}
