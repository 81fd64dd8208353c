import { type OpenInvite, openInviteEndpoint } from "../../core/admission/open-invite.ts";
import {
  challengeAnswer,
  challengeRequest,
  decodeErrorAnswer,
  EXCHANGE_BYTES_MAX,
  redeemAnswer,
  redeemRequest,
} from "../../core/admission/open-invite-exchange.ts";
import { checkProofEnvelope, pilotSignedBytes } from "../../core/admission/open-invite-proof.ts";
import { sameBytes } from "../../core/bytes/byte-strings.ts";
import { sha256 } from "../../core/bytes/sha256.ts";
import { shownLine } from "../../core/bytes/shown-text.ts";
import { EntmootError, type ErrorCode, textOf } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { type Codec, decodeJson, encodeWire } from "../../core/json/json-codec.ts";
import { namesKey } from "../../core/record/node-key.ts";
import type { Invite, NodeInfo } from "../../core/record/records.ts";
import { sign } from "../../core/signature.ts";
import { httpExchange, safeUrl } from "../../host/http-exchange.ts";
import type { NodeContext } from "../node-context.ts";
import type { JoinAttempt } from "./drive-machine.ts";

/** Wire. What the original gives each of the two questions. */
const QUESTION_MS = 30_000;

/** What the issuer's invite must be for, as far as a signed descriptor says so. */
export interface ExpectedInvite {
  readonly groupId?: GroupId;
  readonly issuer?: NodeInfo;
  readonly founder?: NodeInfo;
}

/** The parts of a node that redeem. */
export type Redeeming = Pick<NodeContext, "clock" | "identity" | "nodeIdNow">;

/**
 * Redeems an open invite at its issuer over HTTPS: asks for a challenge, signs it, and gives the invite for this node's key.
 * Without Pilot the Entmoot key stands for the Pilot key too. Throws `invalid_argument`, `not_found`, `expired` or
 * `conflict` as the issuer refuses, `unsupported` where it takes nodes of Pilot alone, and `unavailable` or `timeout` where
 * it cannot be asked or answers with what is no answer.
 */
export async function redeemOpenInvite(
  context: Redeeming,
  openInvite: OpenInvite,
  attempt: JoinAttempt,
  expected: ExpectedInvite = {},
): Promise<Invite> {
  const { identity } = context;
  const claim = {
    pilot_node_id: context.nodeIdNow(),
    pilot_pubkey: identity.publicKey,
    entmoot_pubkey: identity.publicKey,
  };
  attempt.progress({ stage: "dialing", message: `asking ${originOf(openInvite)} for a challenge` });
  const challenge = decodeAnswer(
    openInvite,
    challengeAnswer,
    await ask(context, openInvite, attempt, { action: "challenge", body: encodeWire(challengeRequest, claim) }),
  );
  const payload = challenge.signing_payload ?? new Uint8Array(0);
  const digest = challenge.signing_payload_sha256;
  if (digest.length > 0 && !sameBytes(sha256(payload), digest))
    throw bad(openInvite, "a challenge with another digest");
  const checked = checkProofEnvelope(payload, {
    token: openInvite.token,
    challengeId: challenge.challenge_id,
    nowMs: context.clock.unix(),
    redeemer: {
      pilotNodeId: claim.pilot_node_id,
      pilotPublicKey: claim.pilot_pubkey,
      entmootPublicKey: claim.entmoot_pubkey,
    },
  });
  if (typeof checked === "string") throw bad(openInvite, `a challenge that is not signed here (${checked})`);
  // Before this node's key is on somebody's roster.
  if (expected.groupId !== undefined && checked.group_id !== expected.groupId) {
    throw otherThan("group", "descriptor");
  }
  const pilot_signature = sign(identity.seed, pilotSignedBytes(payload));
  const body = encodeWire(redeemRequest, { ...claim, challenge_id: challenge.challenge_id, pilot_signature });
  const redeemed = decodeAnswer(
    openInvite,
    redeemAnswer,
    await ask(context, openInvite, attempt, { action: "redeem", body }),
  );
  const { invite } = redeemed;
  if (redeemed.group_id !== checked.group_id || invite.group_id !== checked.group_id) {
    throw bad(openInvite, "an invite into another group than its challenge");
  }
  const { founder, issuer } = expected;
  if (issuer !== undefined && !isSameNode(invite.issuer, issuer)) throw otherThan("issuer", "descriptor");
  if (founder !== undefined && !isSameNode(invite.founder, founder)) throw otherThan("founder", "descriptor");
  attempt.progress({ stage: "redeemed", message: "the issuer admitted this node" });
  return invite;
}

interface IssuerQuestion {
  readonly action: "challenge" | "redeem";
  readonly body: Uint8Array<ArrayBuffer>;
}

async function ask(
  { clock }: Redeeming,
  openInvite: OpenInvite,
  { deadline, signal }: JoinAttempt,
  { action, body }: IssuerQuestion,
): Promise<Uint8Array> {
  const url = safeUrl("open invite: issuer", openInviteEndpoint(openInvite, action));
  // Dots would lead elsewhere at that server.
  if (!url.pathname.includes(`/v1/open-invites/`) || /^\.{1,2}$/.test(openInvite.token)) {
    throw new EntmootError("invalid_argument", "open invite: its token is none; ask for a new link");
  }
  const leftMs = deadline - clock.steady();
  if (leftMs <= 0) throw new EntmootError("timeout", `join: no time left to ask ${url.origin}`);
  const timeoutMs = Math.min(QUESTION_MS, leftMs);
  const answer = await httpExchange({
    method: "POST",
    url,
    body,
    timeoutMs,
    maxBytes: EXCHANGE_BYTES_MAX,
    clock,
    signal,
  });
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw refusal(url.origin, answer);
}

/** Wire: 400, 404 and 409 are the invite's fault, as the original's exit statuses have it; anything else may pass. */
const CODES: Readonly<Record<number, ErrorCode>> = { 400: "invalid_argument", 404: "not_found", 409: "expired" };

function refusal(
  origin: string,
  { body, status }: { readonly body: Uint8Array; readonly status: number },
): EntmootError {
  const { code, message } = decodeErrorAnswer(body);
  const said = shownLine(message === "" ? `status ${status}` : message);
  if (code.startsWith("pilot_") || (code !== "" && /\bpilot\b/i.test(message))) {
    return new EntmootError(
      "unsupported",
      `join: ${origin} admits only nodes of Pilot, which is not in this version (${said}); ask its owner for a moot link (entmootd invite link)`,
    );
  }
  const failure = CODES[status] ?? "unavailable";
  return new EntmootError(failure, `join: the issuer at ${origin} refused: ${said}${nextStep(code)}`);
}

/** What the codes say that an issuer gives. */
function nextStep(code: string): string {
  if (/^open_invite_(not_found|revoked|expired|exhausted)$/.test(code)) return "; ask for a new one";
  return code.startsWith("open_invite_challenge") ? "; try again" : "";
}

function decodeAnswer<T>(openInvite: OpenInvite, codec: Codec<T>, body: Uint8Array): T {
  try {
    return decodeJson(codec, body);
  } catch (error) {
    throw bad(openInvite, textOf(error), error);
  }
}

function isSameNode(a: NodeInfo, b: NodeInfo): boolean {
  return a.pilot_node_id === b.pilot_node_id && b.entmoot_pubkey !== null && namesKey(a, b.entmoot_pubkey);
}

function originOf({ issuer_url }: OpenInvite): string {
  return URL.parse(issuer_url)?.origin ?? "the issuer";
}

function bad(openInvite: OpenInvite, what: string, cause?: unknown): EntmootError {
  return new EntmootError("unavailable", `join: the issuer at ${originOf(openInvite)} answered with ${what}`, {
    cause,
  });
}

/** Exit status 5, as the original has it for a signed descriptor that the issuer does not keep to. */
function otherThan(what: string, from: string): EntmootError {
  return new EntmootError("invalid_argument", `join: the invite has another ${what} than the ${from}`);
}
