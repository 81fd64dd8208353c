import { sizeText } from "../../core/amounts.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, PublicKey } from "../../core/ids.ts";
import { documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, rawJson, text } from "../../core/json/json-scalars.ts";
import { keyOf } from "../../core/record/node-key.ts";
import {
  decodePublicMoot,
  encodePublicMoot,
  PUBLIC_MOOT_BYTES_MAX,
  type PublicMoot,
  verifyPublicMoot,
} from "../../core/record/public-moot.ts";
import { patiently } from "../../node/mailbox/patience.ts";
import { members } from "../../node/operations/moots.ts";
import { DIRECTORY_STATUSES, type DirectoryOutcome, type DirectoryRow } from "../../store/esp-store.ts";
import { count, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { directoryPage, isShown, mootOf } from "../directory.ts";
import { EXPLORE_HEADERS, EXPLORE_PAGE_MOOTS, explorePage } from "../explore-page.ts";
import { parseGroupId } from "../group-id-text.ts";
import { badRequest, HttpFailure } from "../http-failure.ts";
import { numberField, textField } from "../query-fields.ts";
import { HTML, ok, route, type ServiceContext } from "../route.ts";

/** Ours. The original has no pages: its clients get what most directories hold at once. */
const LIST_MAX = 1_000;
/** Ours. A founder's clock may be ahead so much: a later date would keep every descriptor that follows away. */
const AHEAD_MS = 5 * 60_000;
/** Ours. The founders' own have some kilobytes. */
const DESCRIPTOR_BYTES_MAX = 64 * 1024;
/** Ours. Each is verified and stored for whoever asks. */
const TOLD_PER_HOUR = 60;

const entry = struct(
  "public moot",
  {
    group_id: documented("of a moot that was blocked before it was told of; it has no descriptor", optional(groupId)),
    descriptor: documented("as its founder signed it", optional(rawJson)),
    status: oneOf("status", DIRECTORY_STATUSES),
    policy_summary: text,
    mirror_state: documented("member: this node has joined it", oneOf("mirror state", ["none", "member"])),
    message_history_available: bool,
    indexed_at_ms: count,
    status_updated_at_ms: count,
  },
  {
    required: [
      "status",
      "policy_summary",
      "mirror_state",
      "message_history_available",
      "indexed_at_ms",
      "status_updated_at_ms",
    ],
  },
);

const oneMoot = struct("public moot entry", { public_moot: entry }, { required: ["public_moot"] });
const told = struct(
  "public moot told",
  {
    status: documented(
      "stale_ignored: it is no newer than what is here",
      oneOf("status", ["indexed", "stale_ignored"]),
    ),
    public_moot: entry,
  },
  { required: ["status", "public_moot"] },
);
const listedMoots = struct(
  "public moots",
  {
    public_moots: plainList(entry, LIST_MAX),
    next_cursor: documented("there are older ones: hand it back as cursor", optional(text)),
  },
  { required: ["public_moots"] },
);

async function entryOf(context: ServiceContext, row: DirectoryRow, signal: AbortSignal) {
  const moot = mootOf(row);
  const isMember = moot !== undefined && (await isMirrored(context, row, signal));
  return {
    group_id: moot === undefined ? row.groupId : undefined,
    descriptor: moot?.json,
    status: row.status,
    policy_summary: moot?.policySummary ?? "",
    mirror_state: isMember ? ("member" as const) : ("none" as const),
    message_history_available: isMember,
    indexed_at_ms: row.indexedMs,
    status_updated_at_ms: row.statusMs,
  };
}

/** Of another founder's descriptor that is not told: whoever made it up would learn which moots are here. */
async function isMirrored({ node }: ServiceContext, { founderKey, groupId }: DirectoryRow, signal: AbortSignal) {
  if (!node.holds(groupId)) return false;
  try {
    const { members: rows } = await node.reads.call(members, { group_id: groupId }, { signal });
    return rows.some(({ entmoot_pubkey, founder }) => founder && entmoot_pubkey.toBase64() === founderKey);
  } catch (error) {
    if (error instanceof EntmootError) return false;
    throw error;
  }
}

const notThere = () => new HttpFailure(404, "public_moot_not_found", "public moot not found");
const invalid = (why: string, cause?: unknown) => new HttpFailure(400, "invalid_public_moot", why, { cause });

/** Runs a write again where another process holds the file. */
function writing<T>({ clock }: ServiceContext, signal: AbortSignal, work: () => T): Promise<T> {
  return patiently(clock, signal, work);
}

const searchFields = {
  q: textField("q", "only those with all these words in name, description, tags or id"),
  cursor: textField("cursor", "go on where an answer's next_cursor says"),
};

const list = route({
  method: "GET",
  path: "/v1/public-moots",
  name: "listPublicMoots",
  summary: "The moots that founders had listed here, the last described first",
  access: "public",
  query: {
    limit: numberField("limit", { min: 1, max: LIST_MAX, initial: LIST_MAX }, "at most so many moots"),
    ...searchFields,
  },
  answers: { 200: listedMoots },
  async handle(context, { query: { cursor, limit, q }, signal }) {
    const { moots, next } = directoryPage(context, { cursor, limit, query: q });
    const entries = await Promise.all(moots.map(({ row }) => entryOf(context, row, signal)));
    return ok({ public_moots: entries, next_cursor: next });
  },
});

const tell = route({
  method: "POST",
  path: "/v1/public-moots",
  name: "tellPublicMoot",
  summary:
    "Have a public moot listed: the descriptor that its founder signed. The first one's key is the founder's from then on",
  access: "public",
  perHour: TOLD_PER_HOUR,
  body: { codec: rawJson, maxBytes: PUBLIC_MOOT_BYTES_MAX, isStrict: true, mayBeEmpty: false, isRaw: true },
  answers: { 200: told, 202: told },
  refusals: {
    400: ["bad_request", "invalid_public_moot"],
    403: ["public_moot_blocked", "public_moot_founder_mismatch"],
    503: ["directory_full"],
  },
  async handle(context, { bytes, signal }) {
    const { clock, esp } = context;
    const descriptor = verified(bytes, clock.unix());
    const founder = PublicKey.toBase64(keyOf(descriptor.founder)!);
    const { outcome, row } = await writing(context, signal, () =>
      esp.directory.put(
        {
          groupId: descriptor.group_id,
          founderKey: founder,
          descriptor: encodePublicMoot(descriptor),
          updatedMs: Number(descriptor.updated_at_ms),
        },
        clock.unix(),
      ),
    );
    if (outcome !== "indexed" && outcome !== "stale") throw refusalOf(outcome);
    const status = outcome === "indexed" ? "indexed" : "stale_ignored";
    const public_moot = await entryOf(context, row!, signal);
    return { status: outcome === "indexed" ? 202 : 200, value: { status, public_moot } };
  },
});

/** The descriptor in `bytes`: every key known, its values in order, signed by the founder it names. Throws 400. */
function verified(bytes: Uint8Array, nowMs: number): PublicMoot {
  if (bytes.length === 0) throw badRequest("descriptor is required");
  if (bytes.length > DESCRIPTOR_BYTES_MAX) {
    throw invalid(`public moot descriptor: expected at most ${sizeText(DESCRIPTOR_BYTES_MAX)}`);
  }
  let descriptor: PublicMoot;
  try {
    descriptor = decodePublicMoot(bytes);
    verifyPublicMoot(descriptor);
  } catch (error) {
    if (error instanceof EntmootError) throw invalid(error.message, error);
    throw error;
  }
  const { expires_at_ms, updated_at_ms } = descriptor;
  if (expires_at_ms > 0n && expires_at_ms <= BigInt(Math.floor(nowMs))) {
    throw invalid("public moot descriptor is expired");
  }
  if (updated_at_ms > BigInt(Math.floor(nowMs)) + BigInt(AHEAD_MS)) {
    throw invalid(
      "public moot descriptor: updated_at_ms is more than five minutes ahead; set the clock of its founder",
    );
  }
  return descriptor;
}

function refusalOf(outcome: Exclude<DirectoryOutcome, "indexed" | "stale">): HttpFailure {
  switch (outcome) {
    case "blocked":
      return new HttpFailure(403, "public_moot_blocked", "public moot is blocked");
    case "founder_mismatch":
      return new HttpFailure(403, "public_moot_founder_mismatch", "another key is the founder of this group here");
    case "founder_full":
      return new HttpFailure(503, "directory_full", "this founder has as many moots here as one may have");
    case "full":
      return new HttpFailure(503, "directory_full", "this directory holds as many moots as it can");
  }
}

const show = route({
  method: "GET",
  path: "/v1/public-moots/{moot}",
  name: "getPublicMoot",
  summary: "One moot that is listed here",
  access: "public",
  answers: { 200: oneMoot },
  refusals: { 400: ["bad_request"], 404: ["public_moot_not_found"] },
  async handle(context, { params, signal }) {
    const { clock, esp } = context;
    const row = esp.directory.get(parseGroupId(params.moot!));
    const moot = row && mootOf(row);
    if (moot === undefined || !isShown(moot, clock.unix())) throw notThere();
    return ok({ public_moot: await entryOf(context, moot.row, signal) });
  },
});

const setStatus = route({
  method: "PATCH",
  path: "/v1/public-moots/{moot}/index-status",
  name: "setPublicMootStatus",
  summary:
    "List, hold back, delist or block a moot; whoever has the token alone. Blocked, its founder's others are refused too",
  needs: ["operator"],
  body: { codec: struct("index status", { status: text }), maxBytes: 64 * 1024, isStrict: true, mayBeEmpty: false },
  answers: { 200: oneMoot },
  refusals: { 404: ["public_moot_not_found"] },
  async handle(context, { body, params, signal }) {
    const id: GroupId = parseGroupId(params.moot!);
    const status = DIRECTORY_STATUSES.find((one) => one === body.status);
    if (status === undefined) throw badRequest("status must be listed, pending, delisted, or blocked");
    const { clock, esp } = context;
    const row = await writing(context, signal, () => esp.directory.setStatus(id, status, clock.unix()));
    if (row === undefined) throw notThere();
    return ok({ public_moot: await entryOf(context, row, signal) });
  },
});

const explore = route({
  method: "GET",
  path: "/explore",
  name: "explore",
  summary: "A page that lists and searches the moots of this directory",
  access: "public",
  query: searchFields,
  answers: { 200: HTML },
  handle(context, { query: { cursor, q } }) {
    const page = directoryPage(context, { cursor, limit: EXPLORE_PAGE_MOOTS, query: q });
    return { status: 200, value: explorePage(page, { query: q, isFirst: cursor === "" }), headers: EXPLORE_HEADERS };
  },
});

export const DIRECTORY_ROUTES = [list, tell, show, setStatus, explore];
