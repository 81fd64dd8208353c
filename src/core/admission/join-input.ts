import { sizeText } from "../amounts.ts";
import { trimSpace } from "../bytes/text.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import type { UnixMs } from "../clock.ts";
import { EntmootError } from "../errors.ts";
import { GroupId } from "../ids.ts";
import { type Codec, decodeJson, omitted, optional, struct } from "../json/json-codec.ts";
import { bool, groupId, rawJson, text } from "../json/json-scalars.ts";
import { jsonString } from "../json/json-text.ts";
import { decodePublicMoot, PUBLIC_MOOT_TYPE, type PublicMoot, verifyPublicMoot } from "../record/public-moot.ts";
import { invite as inviteCodec } from "../record/record-codecs.ts";
import type { Invite } from "../record/records.ts";
import { DEFAULT_MOOT_TYPE, type DefaultMoot, decodeDefaultMoot, verifyDefaultMoot } from "./default-moot.ts";
import { decodeInvite, INVITE_BYTES_MAX, refuseExpired } from "./invite.ts";
import { isMootLink } from "./moot-link.ts";
import { isEntmootLink, type OpenInvite, openInviteForms, parseOpenInvite } from "./open-invite.ts";

/** Wire. The original takes a fleet's invite of this type or of none, and no other. */
const FLEET_INVITE_TYPE = "entmoot.fleet_invite.v1";

/** What the argument of `join` names; a link needs nothing else, a URL or file is to be read. */
type JoinArgument =
  | { readonly kind: "moot_link" | "open_invite_link"; readonly link: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "file"; readonly path: string };

/** Tells links, URLs and files apart; nothing is checked beyond that. */
export function classifyJoinArgument(argument: string): JoinArgument {
  const trimmed = trimSpace(argument);
  if (isMootLink(trimmed)) return { kind: "moot_link", link: trimmed };
  if (isEntmootLink(trimmed)) return { kind: "open_invite_link", link: trimmed };
  if (trimmed.startsWith("http://") || trimmed.startsWith("https://")) return { kind: "url", url: trimmed };
  return { kind: "file", path: trimmed };
}

/** What a file or fetched body turned out to be. */
export type JoinInput =
  | { readonly kind: "invite"; readonly invite: Invite }
  | { readonly kind: "open_invite"; readonly openInvite: OpenInvite }
  | { readonly kind: "default_moot"; readonly descriptor: DefaultMoot; readonly openInvite: OpenInvite }
  | { readonly kind: "public_moot"; readonly descriptor: PublicMoot; readonly openInvite: OpenInvite }
  | {
      readonly kind: "fleet_invite";
      readonly invite: Invite;
      readonly fleetId: string;
      readonly fleetName: string;
      /** JSON text, kept with the group for display. */
      readonly groupMetadata: string;
    };

/**
 * Reads what `join` was pointed at. A default moot's descriptor is verified in full; of an invite only
 * the expiry is looked at here, its signature when it is used. Throws `malformed_frame`,
 * `invalid_argument`, `signature_invalid` or `expired`.
 */
export function parseJoinInput(
  body: Uint8Array,
  context: { readonly nowMs: UnixMs; readonly pinnedKey: Uint8Array },
): JoinInput {
  if (body.length > INVITE_BYTES_MAX) {
    throw new EntmootError(
      "malformed_frame",
      `join input: expected at most ${sizeText(INVITE_BYTES_MAX)}, found ${sizeText(body.length)}`,
    );
  }
  // By exact name: a folded spelling fills a field, but does not decide what the object is.
  const keys = decodeJson(topLevel, body);
  const type = keys.has("type") ? unquoted(keys.get("type")!) : undefined;
  if (type === DEFAULT_MOOT_TYPE) {
    const descriptor = decodeDefaultMoot(body);
    return { kind: "default_moot", descriptor, openInvite: verifyDefaultMoot(descriptor, context.pinnedKey) };
  }
  if (type === PUBLIC_MOOT_TYPE) return parsePublicMoot(body, context.nowMs);
  const entry = keys.get("public_moot");
  if (entry !== undefined) return parsePublicMoot(encodeUtf8(descriptorIn(entry)), context.nowMs);
  if (["issuer_url", "token", "link"].some((key) => keys.has(key))) {
    return { kind: "open_invite", openInvite: parseOpenInvite(decodeJson(openInviteForms, body)) };
  }
  if (keys.has("invite") && (keys.has("fleet_id") || keys.has("group_metadata"))) {
    return parseFleetInvite(body, context.nowMs);
  }
  const invite = decodeInvite(body);
  refuseExpired(invite, context.nowMs);
  return { kind: "invite", invite };
}

/** What directories list: the founder's own descriptor. Throws `expired`, and `forbidden` where its moot takes nobody unasked. */
function parsePublicMoot(body: Uint8Array, nowMs: UnixMs): JoinInput {
  const descriptor = decodePublicMoot(body);
  const openInvite = verifyPublicMoot(descriptor);
  const { expires_at_ms } = descriptor;
  if (expires_at_ms > 0n && expires_at_ms <= BigInt(Math.floor(nowMs))) {
    throw new EntmootError("expired", "public moot descriptor is expired; look for a newer one in the directory");
  }
  if (openInvite !== undefined) return { kind: "public_moot", descriptor, openInvite };
  throw new EntmootError(
    "forbidden",
    "this public moot is joined by invitation alone (join_mode invite_only); ask its founder for a link",
  );
}

/** The descriptor in an entry of a directory, as its own JSON text. */
function descriptorIn(entry: string): string {
  const descriptor = decodeJson(topLevel, entry).get("descriptor");
  if (descriptor === undefined)
    throw new EntmootError("malformed_frame", "join input: public_moot: expected a descriptor");
  return descriptor;
}

/** Exact keys of an object with their values as JSON source text. */
const topLevel: Codec<ReadonlyMap<string, string>> = {
  label: "join input",
  zero: () => new Map(),
  read(reader) {
    const entries = new Map<string, string>();
    const isObject = reader.readObject((key) => {
      entries.set(key, reader.readRaw());
    });
    return isObject ? entries : reader.fail("an invite, a descriptor or a link in JSON");
  },
  write: () => "{}",
};

interface FleetInvite {
  readonly type: string;
  readonly fleet_id: string;
  readonly fleet_name: string;
  readonly control_group_id: GroupId;
  readonly invite: Invite | undefined;
  readonly group_metadata: string | undefined;
}

const fleetInvite = struct<FleetInvite>("fleet invite", {
  type: omitted(text),
  fleet_id: text,
  fleet_name: omitted(text),
  control_group_id: groupId,
  // `null` is no invite, here as anywhere.
  invite: {
    ...optional(inviteCodec),
    read: (reader, previous) => inviteCodec.read(reader, previous ?? inviteCodec.zero()),
    check: inviteCodec.check!,
  },
  group_metadata: rawJson,
});

const fleetMetadata = struct<{ readonly fleet_control: boolean; readonly fleet_id: string }>("group metadata", {
  fleet_control: bool,
  fleet_id: text,
});

function parseFleetInvite(body: Uint8Array, nowMs: UnixMs): JoinInput {
  const { type, invite, ...fields } = decodeJson(fleetInvite, body);
  const [fleetId, fleetName] = [trimSpace(fields.fleet_id), trimSpace(fields.fleet_name)];
  if (type !== "" && type !== FLEET_INVITE_TYPE) throw refuse(`type must be ${FLEET_INVITE_TYPE}`);
  if (fleetId === "") throw refuse("fleet_id is required");
  if (!invite) throw refuse("invite is required");
  if (fields.control_group_id !== GroupId.zero && fields.control_group_id !== invite.group_id) {
    throw refuse("control_group_id is not the invite's group");
  }
  refuseExpired(invite, nowMs);
  const groupMetadata = fields.group_metadata ?? defaultMetadata(fleetId, fleetName);
  const metadata = decodeJson(fleetMetadata, groupMetadata);
  if (!metadata.fleet_control) throw refuse("group_metadata.fleet_control must be true");
  if (trimSpace(metadata.fleet_id) !== fleetId) throw refuse("group_metadata is of another fleet");
  return { kind: "fleet_invite", invite, fleetId, fleetName, groupMetadata };
}

/** What the original keeps for a fleet's control group that came without metadata. */
function defaultMetadata(fleetId: string, fleetName: string): string {
  const name = jsonString(`Fleet Control: ${fleetName}`, "wire");
  return (
    '{"description":"Hidden Fleet control channel","fleet_control":true,' +
    `"fleet_id":${jsonString(fleetId, "wire")},"hidden":true,"name":${name}}`
  );
}

/** The text of a JSON string, or `undefined` for anything else. */
function unquoted(source: string): string | undefined {
  return source.startsWith('"') ? decodeJson(text, source) : undefined;
}

function refuse(reason: string): EntmootError {
  return new EntmootError("invalid_argument", `fleet invite: ${reason}`);
}
