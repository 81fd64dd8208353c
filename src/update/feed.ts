import { EntmootError } from "../core/errors.ts";
import { isLoopbackHost } from "../core/loopback.ts";
import { parseVersion } from "./version-order.ts";

/** Where releases are looked for: folders of static files, and how far a server may send us elsewhere. */
export interface Feed {
  /** The folder of the newest release; `undefined` when only its tag leads to it (`-prerelease` on the forge). */
  readonly newest: URL | undefined;
  /** The folder of the release `tag`. */
  named(tag: string): URL;
  /** Whether an answer from `from` may send us to `to`. */
  allowsRedirect(from: URL, to: URL): boolean;
  /** Where the forge lists its releases, newest first. */
  readonly list: URL | undefined;
}

/** The owner and name of a repository on the forge, and nothing that could change a URL. */
const REPO = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;
/** Ours. Characters that every browser and server takes; release hosts sign theirs with a few hundred. */
export const URL_MAX = 2048;

/** The feed at `url`, which `source` gave, or else the release downloads of `repo`. Throws `invalid_argument` saying what is expected. */
export function feedOf(options: {
  readonly url: string | undefined;
  /** The variable when absent. */
  readonly source?: string;
  readonly repo: string;
  readonly prerelease: boolean;
}): Feed {
  return options.url === undefined
    ? forgeFeed(options)
    : folderFeed(options.url, options.source ?? "ENTMOOT_UPDATE_URL");
}

function folderFeed(text: string, source: string): Feed {
  const base = parseBase(text, source);
  return {
    newest: base,
    named: (tag) => new URL(`${encodeURIComponent(tag)}/`, base),
    allowsRedirect: (from, to) => to.origin === from.origin,
    list: undefined,
  };
}

function parseBase(text: string, source: string): URL {
  const expected = `${source}: expected the https:// address of a folder`;
  const refuse = (found: string): never => {
    throw new EntmootError("invalid_argument", `${expected}, found ${found}`);
  };
  if (text.length > URL_MAX) refuse(`${text.length} characters`);
  if (/^(file:|[./~]|[A-Za-z]:[\\/])/i.test(text)) refuse(`${JSON.stringify(text)}, a path; put it on a web server`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return refuse(JSON.stringify(text));
  }
  if (url.protocol === "http:" && !isLoopbackHost(url.hostname)) {
    refuse(`${url.protocol}//${url.host}; plain http is only for this machine's loopback`);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") refuse(`the scheme ${url.protocol}`);
  if (url.username !== "" || url.password !== "") refuse("one with a user name or password in it");
  if (url.search !== "" || url.hash !== "") refuse("one with a query or fragment");
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function forgeFeed({ repo, prerelease }: { readonly repo: string; readonly prerelease: boolean }): Feed {
  if (!REPO.test(repo)) {
    throw new EntmootError(
      "invalid_argument",
      `-repo: expected OWNER/NAME, found ${JSON.stringify(repo.slice(0, 200))}`,
    );
  }
  const releases = `https://github.com/${repo}/releases/`;
  return {
    newest: prerelease ? undefined : new URL("latest/download/", releases),
    named: (tag) => new URL(`download/${encodeURIComponent(tag)}/`, releases),
    allowsRedirect: (from, to) =>
      to.protocol === "https:" &&
      (to.origin === from.origin || (to.port === "" && to.hostname.endsWith(".githubusercontent.com"))),
    list: new URL(`https://api.github.com/repos/${repo}/releases?per_page=1`),
  };
}

/** The tag that -version asks for, with its leading `v`. Throws `invalid_argument`. */
export function wantedTag(text: string): string {
  const version = parseVersion(text);
  if (version !== undefined) return version.tag;
  throw new EntmootError(
    "invalid_argument",
    `-version: expected a release such as v1.2.3, found ${JSON.stringify(text.slice(0, 200))}`,
  );
}
