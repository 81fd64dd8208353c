import { parseIssuerUrl } from "../../core/admission/open-invite.ts";
import { decodeErrorAnswer } from "../../core/admission/open-invite-exchange.ts";
import { shownLine } from "../../core/bytes/shown-text.ts";
import { trimEnd, trimSpace } from "../../core/bytes/text.ts";
import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { decodeJson } from "../../core/json/json-codec.ts";
import { rawJson } from "../../core/json/json-scalars.ts";
import {
  buildPublicMoot,
  encodePublicMoot,
  PUBLIC_MOOT_BYTES_MAX,
  type PublicMoot,
} from "../../core/record/public-moot.ts";
import { httpExchange, safeUrl } from "../../host/http-exchange.ts";
import { requireFounder } from "../change-roster.ts";
import type { NodeContext } from "../node-context.ts";
import type { Call } from "../operations/implementation.ts";
import type { RequestOf } from "../operations/operation.ts";
import type { PublishedPublicMoot, public_moot_descriptor, public_moot_publish } from "../operations/public.ts";
import { shownMetadataOf } from "./metadata.ts";
import { isOpenInviteAlive } from "./open-invites.ts";

/** Wire. What the original gives a directory. */
const PUBLISH_MS = 10_000;
/** Ours. Characters of an answer that is no error of a directory's. */
const SAID_MAX = 300;

/** The signed description of a moot this node founded, as directories are told it. */
export function describePublicMoot(
  context: NodeContext,
  request: RequestOf<typeof public_moot_descriptor>,
): { readonly descriptor: string } {
  return { descriptor: decodeUtf8(encodePublicMoot(signed(context, request))) };
}

/** Tells a directory. */
export async function publishPublicMoot(
  context: NodeContext,
  request: RequestOf<typeof public_moot_publish>,
  { signal }: Pick<Call<never>, "signal">,
): Promise<PublishedPublicMoot> {
  const esp_url = espUrl(request.esp_url);
  const body = encodePublicMoot(signed(context, request));
  const url = safeUrl("esp_url", `${esp_url}/v1/public-moots`);
  const answer = await httpExchange({
    method: "POST",
    url,
    body,
    timeoutMs: PUBLISH_MS,
    maxBytes: PUBLIC_MOOT_BYTES_MAX,
    clock: context.clock,
    signal,
  });
  if (answer.status < 200 || answer.status >= 300) throw refusal(url, answer);
  return {
    status: "published",
    group_id: request.group_id,
    esp_url,
    descriptor: decodeUtf8(body),
    response: responseOf(url, answer.body),
  };
}

/** The address of a directory without what is behind its path. Throws `invalid_argument`. */
function espUrl(text: string): string {
  try {
    const url = trimEnd(parseIssuerUrl(text), "/?");
    safeUrl("esp_url", url);
    return url;
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, cause.message.replace(/^open invite: issuer url/, "esp_url:"), { cause });
  }
}

function signed(context: NodeContext, request: RequestOf<typeof public_moot_descriptor>): PublicMoot {
  const group = context.requireGroup(request.group_id);
  requireFounder(group);
  const shown = shownMetadataOf(group.store);
  const name = GroupId.toBase64(group.id);
  if (shown === undefined)
    throw new EntmootError("group_not_found", `group ${name}: nothing is kept of what it is called`);
  if (shown.visibility !== "public") {
    throw refuse(
      `its visibility is ${shown.visibility || "private"}; only a moot made with -visibility public is listed`,
    );
  }
  const policy = group.policy.current;
  if (policy === undefined) throw refuse("it has no policy, and a directory lists no moot without limits");
  const join_mode = shown.join_mode || "invite_only";
  const { open_invite } = shown;
  if (join_mode === "open_invite" && !hasForm(open_invite)) {
    throw refuse(
      `its join mode is open_invite, and there is no open invite that is redeemed over HTTPS; make one: entmootd invite link -group ${name} -esp-url URL`,
    );
  }
  const { token = "" } = open_invite ?? {};
  if (join_mode === "open_invite" && token !== "" && !isOpenInviteAlive(context, token)) {
    throw refuse(
      `its open invite lets nobody in any more; make another: entmootd invite link -group ${name} -esp-url URL`,
    );
  }
  const updated_at_ms = BigInt(Math.floor(context.clock.unix()));
  const validForMs = BigInt(request.valid_for_ms ?? 0);
  return buildPublicMoot(
    {
      group_id: group.id,
      name: shown.name,
      description: shown.description,
      tags: shown.tags,
      join_mode,
      open_invite: hasForm(open_invite) ? open_invite : undefined,
      policy,
      founder: group.requireSelf(),
      updated_at_ms,
      expires_at_ms: validForMs === 0n ? 0n : updated_at_ms + validForMs,
    },
    context.identity.seed,
  );
}

/** Blank members are no open invite. */
function hasForm(open_invite: PublicMoot["open_invite"]): boolean {
  return open_invite !== undefined && Object.values(open_invite).some((text) => trimSpace(text) !== "");
}

function refuse(why: string): EntmootError {
  return new EntmootError("invalid_argument", `public moot: ${why}`);
}

function refusal(
  { origin }: URL,
  { body, status }: { readonly body: Uint8Array; readonly status: number },
): EntmootError {
  const { code, message } = decodeErrorAnswer(body);
  const said = decodeUtf8(body).slice(0, SAID_MAX);
  const isPage = /^\s*</.test(said);
  const words = message !== "" ? `${code}: ${message}` : isPage ? "a page; is this the address of a directory?" : said;
  return new EntmootError("unavailable", `${origin} refused the descriptor: status ${status}: ${shownLine(words)}`);
}

function responseOf({ origin }: URL, body: Uint8Array): string | undefined {
  try {
    return decodeJson(rawJson, body);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError("unavailable", `${origin}: ESP response is not JSON: ${cause.message}`, { cause });
  }
}
