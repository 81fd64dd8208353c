import { formatOpenInviteLink, parseOpenInvite } from "../core/admission/open-invite.ts";
import { htmlText } from "../core/bytes/html-text.ts";
import { sha256 } from "../core/bytes/sha256.ts";
import { shownLine } from "../core/bytes/shown-text.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import type { DirectoryMoot, DirectoryPage } from "./directory.ts";

/*
 * Everything on the page but its frame was written by strangers. It is stripped of what steers or hides, cut, escaped and
 * set apart from the direction of what stands around it; the page runs no script and loads nothing.
 */

/** Ours. As much as somebody scrolls through before they search. */
export const EXPLORE_PAGE_MOOTS = 50;
/** Ours. A screen holds several moots, whatever they are called. */
const NAME_MAX = 80;
const DESCRIPTION_MAX = 400;
const TAG_MAX = 40;
const TAGS_MAX = 12;
/** Ours. A link that is longer is left out: nobody would paste it. */
const LINK_MAX = 1024;

const STYLE = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:46rem;padding:1rem}
form{display:flex;gap:.5rem;flex-wrap:wrap}input{flex:1;min-width:12rem;font:inherit;padding:.3rem}button{font:inherit}
ol{list-style:none;padding:0}li.moot{border-top:1px solid #8886;padding:.6rem 0;overflow:hidden;contain:paint;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:0}p{margin:.2rem 0}.small,.tags{font-size:.85rem}.tags{list-style:none;display:flex;flex-wrap:wrap;gap:.4rem;padding:0;margin:.2rem 0}
.tags li{border:1px solid #8886;border-radius:.6rem;padding:0 .5rem}code{overflow-wrap:anywhere}`;

const STYLE_HASH = sha256(encodeUtf8(STYLE)).toBase64();

/** A browser runs and loads nothing of it but the style inside, whatever a name might smuggle in. */
export const EXPLORE_HEADERS = {
  "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** The page, whole: it is read and searched without script. */
export function explorePage(
  { moots, next }: DirectoryPage,
  { isFirst, query }: { readonly query: string; readonly isFirst: boolean },
): string {
  const asked = query === "" ? "" : `q=${encodeURIComponent(query)}&`;
  const links = [
    isFirst ? "" : `<a href="explore${query === "" ? "" : `?q=${encodeURIComponent(query)}`}">Newest</a>`,
    next === undefined ? "" : `<a rel="next" href="explore?${asked}cursor=${next}">Older</a>`,
  ].filter(Boolean);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Public moots</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head>
<body><h1>Public moots</h1>
<form action="explore" role="search"><label for="q">Find</label><input id="q" name="q" type="search" maxlength="200" value="${attribute(query.slice(0, 200))}"><button>Search</button></form>
<p role="status">${saying(moots.length, { isMore: next !== undefined, isSearched: query !== "" })}</p>
<ol>
${moots.map(mootHtml).join("\n")}
</ol>
<nav>${links.join(" · ")}</nav>
<p class="small">Each founder signed what stands here; this directory vouches for none of it.</p>
</body></html>
`;
}

function saying(count: number, { isMore, isSearched }: { readonly isMore: boolean; readonly isSearched: boolean }) {
  if (count === 0 && isMore) return "None among the newest; older ones may have it.";
  if (count === 0 && isSearched) return "No moot here has all these words.";
  if (count === 0)
    return "No moot is listed here yet. A founder lists one with <code>entmootd group public publish</code>.";
  return `${count} ${count === 1 ? "moot" : "moots"}${isMore ? ", and older ones" : ""}`;
}

function mootHtml(moot: DirectoryMoot): string {
  const { description, founder, name, policySummary, row, tags } = moot;
  const id = GroupId.toBase64(row.groupId);
  const shownTags = tags
    .slice(0, TAGS_MAX)
    .map((tag) => shown(tag, TAG_MAX))
    .filter(Boolean);
  return [
    `<li class="moot"><h2><bdi>${shown(name, NAME_MAX) || "(no name)"}</bdi></h2>`,
    description === "" ? "" : `<p><bdi>${shown(description, DESCRIPTION_MAX)}</bdi></p>`,
    shownTags.length === 0
      ? ""
      : `<ul class="tags">${shownTags.map((tag) => `<li><bdi>${tag}</bdi></li>`).join("")}</ul>`,
    joinHtml(moot),
    `<p class="small">${shown(policySummary, DESCRIPTION_MAX)} · founder ${founder} · <a href="v1/public-moots/${encodeURIComponent(id)}">${escaped(id)}</a></p></li>`,
  ].join("");
}

function joinHtml(moot: DirectoryMoot): string {
  if (moot.joinMode !== "open_invite") return '<p class="small">By invitation.</p>';
  const link = linkOf(moot);
  if (link === undefined) return '<p class="small">Open, with an invite that is not shown here.</p>';
  return `<p class="small">Open: <code>entmootd join '${escaped(link)}'</code></p>`;
}

/** Written anew, so that nothing of what the founder wrote but issuer and token is in it. */
function linkOf({ openInvite }: DirectoryMoot): string | undefined {
  try {
    const link = formatOpenInviteLink(parseOpenInvite(openInvite, "refuse"));
    // `'` is all that could end the quotes in a shell; the form escapes it.
    return link.length > LINK_MAX || link.includes("'") ? undefined : link;
  } catch (error) {
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
}

/** A stranger's words as text of the page: one line, nothing hidden, cut. */
function shown(text: string, max: number): string {
  // Cut before it is looked at: what hides takes no more than three of four.
  const line = shownLine(text.slice(0, 4 * max))
    .replace(/\s+/gu, " ")
    .trim();
  const characters = [...line];
  return escaped(characters.length > max ? `${characters.slice(0, max - 1).join("")}…` : line);
}

function escaped(text: string): string {
  return htmlText(text.toWellFormed());
}

/** What was asked stays as it was typed, but for what steers. */
function attribute(text: string): string {
  return escaped(shownLine(text));
}
