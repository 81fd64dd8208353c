import {
  createInvite,
  decodeInvite,
  formatInvite,
  inviteSigningForm,
  verifyInvite,
} from "../../core/admission/invite.ts";
import { type JoinInput, parseJoinInput } from "../../core/admission/join-input.ts";
import {
  isEntmootLink,
  looksLikeToken,
  openInviteEndpoint,
  parseOpenInviteLink,
  tokenHash,
} from "../../core/admission/open-invite.ts";
import {
  buildProofEnvelope,
  checkProofEnvelope,
  pilotSignedBytes,
  verifyPilotProof,
} from "../../core/admission/open-invite-proof.ts";
import {
  challengesMax,
  type Redeemable,
  type RedeemableStatus,
  redeem,
  redeemableStatus,
  redeemerKey,
  release,
} from "../../core/admission/redemption.ts";
import { sha256 } from "../../core/bytes/sha256.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { type UnixMs, unixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { canonicalJson } from "../../core/json/canonical-json.ts";
import { decodeJson, encodeCanonical, encodeWire } from "../../core/json/json-codec.ts";
import { rawJson } from "../../core/json/json-scalars.ts";
import { invite as inviteCodec } from "../../core/record/record-codecs.ts";
import { sign } from "../../core/signature.ts";
import { booleanField, hexField, hexText, numberField, objectListField, textField } from "../fields.ts";
import { expectEqual, Mismatch, type Subject, type VectorCase } from "../subject.ts";

/** The vectors give no time for joining: one invite expired long before this, the others hold long after. */
const JOINED_AT_MS = unixMs(1_780_000_000_000);

export const subject: Subject = {
  kinds: {
    build: checkBuild,
    verify: checkVerify,
    link: checkLink,
    join_input: checkJoinInput,
    token_hash: (vector) => expectEqual(tokenHash(hexText(vector, "token")), textField(vector, "token_hash")),
    looks_like_token: (vector) => expectEqual(looksLikeToken(hexText(vector, "input")), booleanField(vector, "result")),
    proof_build: checkProofBuild,
    proof_check: checkProof,
    status: checkStatus,
    redeem_sequence: checkRedemptions,
  },
};

function checkBuild(vector: VectorCase): void {
  const wire = hexField(vector, "wire");
  const invite = decodeInvite(wire);
  expectEqual(invite.bootstrap_peers === null, booleanField(vector, "bootstrap_peers_null"));
  expectEqual(inviteSigningForm(invite), textField(vector, "signing"));
  expectEqual(sha256(inviteSigningForm(invite)), textField(vector, "signing_sha256"));
  expectEqual(sign(hexField(vector, "seed"), inviteSigningForm(invite)), textField(vector, "signature"));
  expectEqual(invite.signature, textField(vector, "signature"));
  expectEqual(encodeCanonical(inviteCodec, invite), textField(vector, "canonical"));
  expectEqual(encodeWire(inviteCodec, invite), textField(vector, "wire"));
  expectEqual(encodeUtf8(formatInvite(invite)), textField(vector, "indented"));
  // The zero invite names no issuer, and none is created like that.
  if (invite.issuer.entmoot_pubkey !== null) {
    expectEqual(createInvite(invite, hexField(vector, "seed")).signature, textField(vector, "signature"));
  }
}

function checkVerify(vector: VectorCase): void {
  const wire = hexField(vector, "wire");
  const nowMs = unixMs(numberField(vector, "now_ms"));
  const found = outcome(() => verifyInvite(decodeInvite(wire), nowMs), {
    malformed_frame: "malformed",
    signature_invalid: "signature_invalid",
    expired: "expired",
  });
  expectEqual(found, textField(vector, "expect"));
}

function checkLink(vector: VectorCase): void {
  const input = hexText(vector, "input");
  const expected = textField(vector, "expect");
  if (!isEntmootLink(input)) {
    expectEqual("not_a_link", expected);
    return;
  }
  let link: ReturnType<typeof parseOpenInviteLink>;
  try {
    link = parseOpenInviteLink(input);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    expectEqual("reject", expected);
    return;
  }
  expectEqual("ok", expected);
  expectEqual(link.issuer_url, textField(vector, "issuer_url"));
  expectEqual(link.token, textField(vector, "token"));
  expectEqual(openInviteEndpoint(link, "challenge"), textField(vector, "challenge_url"));
  expectEqual(openInviteEndpoint(link, "redeem"), textField(vector, "redeem_url"));
}

function checkJoinInput(vector: VectorCase): void {
  const body = hexField(vector, "body");
  let input: JoinInput;
  try {
    input = parseJoinInput(body, { nowMs: JOINED_AT_MS, pinnedKey: new Uint8Array(32) });
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    expectEqual(error.code === "expired" ? "expired" : "reject", textField(vector, "expect"));
    return;
  }
  expectEqual(input.kind, textField(vector, "expect"));
  if (input.kind === "open_invite") {
    expectEqual(input.openInvite.issuer_url, textField(vector, "issuer_url"));
    expectEqual(input.openInvite.token, textField(vector, "token"));
  } else if ("invite" in input) {
    expectEqual(input.invite.group_id, textField(vector, "group_id"));
  }
  if (input.kind === "fleet_invite") {
    expectEqual(canonicalJson(input.groupMetadata), canonicalJson(hexField(vector, "group_metadata")));
    expectEqual(decodeJson(rawJson, input.groupMetadata), input.groupMetadata);
  }
}

function checkProofBuild(vector: VectorCase): void {
  const envelope = buildProofEnvelope({
    token_hash: tokenHash(textField(vector, "token")),
    group_id: GroupId.fromBytes(hexField(vector, "group_id")),
    challenge_id: textField(vector, "challenge_id"),
    nonce: textField(vector, "nonce"),
    issued_at_ms: BigInt(numberField(vector, "issued_at_ms")),
    expires_at_ms: BigInt(numberField(vector, "expires_at_ms")),
    pilot_node_id: numberField(vector, "pilot_node_id"),
    pilot_pubkey: hexField(vector, "pilot_pubkey"),
    entmoot_pubkey: hexField(vector, "entmoot_pubkey"),
  });
  expectEqual(envelope, textField(vector, "envelope"));
  expectEqual(sha256(envelope).toBase64(), textField(vector, "envelope_sha256_b64"));
  expectEqual(pilotSignedBytes(envelope), textField(vector, "pilot_signed_bytes"));
  const signature = sign(hexField(vector, "pilot_seed"), pilotSignedBytes(envelope));
  expectEqual(signature, textField(vector, "pilot_signature"));
  expectEqual(verifyPilotProof(hexField(vector, "pilot_pubkey"), envelope, signature), true);
  const redeemer = {
    pilotNodeId: numberField(vector, "pilot_node_id"),
    entmootPublicKey: hexField(vector, "entmoot_pubkey"),
  };
  expectEqual(redeemerKey(redeemer), textField(vector, "redeemer_key"));
}

function checkProof(vector: VectorCase): void {
  const found = checkProofEnvelope(hexField(vector, "payload"), {
    token: textField(vector, "token"),
    challengeId: textField(vector, "challenge_id"),
    redeemer: {
      pilotNodeId: numberField(vector, "pilot_node_id"),
      pilotPublicKey: hexField(vector, "pilot_pubkey"),
      entmootPublicKey: hexField(vector, "entmoot_pubkey"),
    },
    nowMs: unixMs(numberField(vector, "now_ms")),
  });
  expectEqual(typeof found === "string" ? found : "ok", textField(vector, "expect"));
  if (typeof found !== "string") expectEqual(found.group_id, textField(vector, "group_id"));
}

function checkStatus(vector: VectorCase): void {
  const record = {
    uses: numberField(vector, "max_uses"),
    used: numberField(vector, "use_count"),
    revoked: booleanField(vector, "revoked"),
    expires_at_ms: numberField(vector, "expires_at_ms"),
  };
  expectEqual(
    originalWord(redeemableStatus(record, unixMs(numberField(vector, "now_ms")))),
    textField(vector, "status"),
  );
  expectEqual(challengesMax(record), numberField(vector, "challenge_cap"));
}

function checkRedemptions(vector: VectorCase): void {
  const issuer = new Issuer({
    uses: numberField(vector, "max_uses"),
    used: 0,
    revoked: false,
    expires_at_ms: numberField(vector, "expires_at_ms"),
  });
  for (const [at, step] of objectListField(vector, "steps").entries()) {
    const found = issuer.step(textField(step, "op"), textField(step, "redeemer"), unixMs(numberField(step, "now_ms")));
    const expected: Record<string, unknown> = { expect: step.expect, use_count: step.use_count };
    if (step.replay !== undefined) Object.assign(expected, { replay: step.replay, stored_result: step.stored_result });
    expectEqual({ at, ...found }, { at, ...expected });
  }
}

/** What an issuer keeps for one token, its answers with it. */
class Issuer {
  #invite: Redeemable;
  /** By redeemer; empty until it is known what was answered. */
  readonly #results = new Map<string, string>();

  constructor(invite: Redeemable) {
    this.#invite = invite;
  }

  step(op: string, redeemer: string, nowMs: UnixMs): object {
    const { expect, ...rest } = op === "redeem" ? this.#redeem(redeemer, nowMs) : this.#change(op, redeemer);
    return { expect, use_count: this.#invite.used, ...rest };
  }

  #redeem(redeemer: string, nowMs: UnixMs) {
    const outcome = redeem(this.#invite, { repeated: this.#results.has(redeemer), nowMs });
    if (outcome.kind === "refused") return { expect: originalWord(outcome.reason) };
    this.#invite = outcome.link;
    if (!outcome.repeated) this.#results.set(redeemer, "");
    return { expect: "ok", replay: outcome.repeated, stored_result: this.#results.get(redeemer) };
  }

  #change(op: string, redeemer: string): { readonly expect: string } {
    if (op === "complete") {
      if (!this.#results.has(redeemer)) return { expect: "not_found" };
      this.#results.set(redeemer, JSON.stringify({ who: redeemer }));
    } else if (op === "release") {
      if (this.#results.delete(redeemer)) this.#invite = release(this.#invite);
    } else if (op === "revoke") this.#invite = { ...this.#invite, revoked: true };
    else throw new Mismatch("a known step", op);
    return { expect: "ok" };
  }
}

/** The original calls used up exhausted. */
function originalWord(status: RedeemableStatus): string {
  return status === "used_up" ? "exhausted" : status;
}

/** `ok`, or what the code of the error thrown is called in the vectors. */
export function outcome(run: () => unknown, names: Readonly<Partial<Record<string, string>>>): string {
  try {
    run();
    return "ok";
  } catch (error) {
    const name = error instanceof EntmootError ? names[error.code] : undefined;
    if (name === undefined) throw error;
    return name;
  }
}
