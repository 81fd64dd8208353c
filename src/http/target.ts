/** The target of a request. */
export interface Target {
  /** Path and query as they were sent: what is signed. */
  readonly signed: string;
  /** Decoded once, each; `undefined` where one cannot be decoded, or holds what no route has. */
  readonly segments: readonly string[] | undefined;
  /** As sent, without its `?`. */
  readonly query: string;
  /** The path as sent. */
  readonly path: string;
}

/** Ours. No route has so many, and no id is longer. */
const SEGMENTS_MAX = 12;

/** Of an absolute form path and query count. `raw`: as it stood in the request line. */
export function parseTarget(raw: string): Target {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(raw)?.[0] ?? "";
  const rest = raw.slice(absolute.length);
  const signed = rest.startsWith("/") ? rest : `/${rest}`;
  const at = signed.indexOf("?");
  const path = at < 0 ? signed : signed.slice(0, at);
  return { signed, path, query: at < 0 ? "" : signed.slice(at + 1), segments: segmentsOf(path) };
}

function segmentsOf(path: string): string[] | undefined {
  const escaped = path.slice(1).split("/");
  if (escaped.length > SEGMENTS_MAX) return undefined;
  try {
    const segments = escaped.map(decodeURIComponent);
    return segments.some((segment) => segment.includes("\0")) ? undefined : segments;
  } catch {
    return undefined;
  }
}

/** A query as the original reads it: `+` is a blank, of a repeated name the first counts, what is broken is left out. */
export function parseQuery(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const pair of query.split("&")) {
    if (pair === "" || pair.includes(";")) continue;
    const at = pair.indexOf("=");
    const [key, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
    try {
      const name = unescapeQuery(key);
      if (!values.has(name)) values.set(name, unescapeQuery(value));
    } catch {
      // A broken escape.
    }
  }
  return values;
}

function unescapeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
