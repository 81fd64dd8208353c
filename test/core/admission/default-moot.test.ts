import { describe, expect, test } from "bun:test";
import {
  buildDefaultMoot,
  DEFAULT_MOOT_KEY,
  DESCRIPTOR_BYTES_MAX,
  type DefaultMoot,
  decodeDefaultMoot,
  defaultMootSigningForm,
  encodeDefaultMoot,
  parsePinnedKey,
  verifyDefaultMoot,
} from "../../../src/core/admission/default-moot.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { GroupId } from "../../../src/core/ids.ts";
import { sign } from "../../../src/core/signature.ts";
import { identity } from "../../support/identity.ts";
import { moot } from "../../support/moot.ts";

const signer = identity(4);
const link = "entmoot://open-invite?issuer=https%3A%2F%2Fesp.example&token=t";
const none = { issuer_url: "", token: "", link: "" };
const built = buildDefaultMoot(moot.defaultFields, signer.seed);

/** Signed by the right key, whatever it says. */
function resigned(change: Partial<DefaultMoot>): DefaultMoot {
  const changed = { ...built, ...change };
  return { ...changed, signature: sign(signer.seed, defaultMootSigningForm(changed)) };
}

describe("the default moot's descriptor", () => {
  test("is read back as published and verified by the pinned key", () => {
    const descriptor = decodeDefaultMoot(encodeDefaultMoot(built));
    expect(descriptor).toEqual(built);
    expect(verifyDefaultMoot(descriptor, signer.publicKey)).toEqual({ issuer_url: "https://esp.example", token: "t" });
  });

  test.each([
    ["a link alone", { open_invite: none, open_invite_link: link }],
    ["a link inside alone", { open_invite: { ...none, link } }],
    ["all forms equal", { open_invite: { ...moot.openInvite, link }, open_invite_link: link }],
    ["blanks around its name", { name: " The Ent Moot " }],
  ])("holds with %s", (_what, change) => {
    expect(verifyDefaultMoot(resigned(change), signer.publicKey).token).toBe("t");
  });

  test.each([
    ["another type", { type: "entmoot.default_moot.v2" }],
    ["another name", { name: "The Other Moot" }],
    ["no group", { group_id: GroupId.zero }],
    ["no open invite", { open_invite: none }],
    ["forms that differ", { open_invite_link: link.replace("token=t", "token=u") }],
    ["an issuer with a query", { open_invite: { ...moot.openInvite, issuer_url: "https://esp.example?a" } }],
    ["a short signer key", { descriptor_signer_pubkey: new Uint8Array(31) }],
    ["an issuer without node id", { issuer: { ...identity(1).info, pilot_node_id: 0 } }],
    ["an issuer without key", { issuer: { pilot_node_id: 5, entmoot_pubkey: null } }],
    ["topics in another order", { default_topics: ["introductions", "chat/general"] }],
    ["no topics", { default_topics: null }],
    ["another live mode", { recommended_live_config: { ...built.recommended_live_config, mode: "act" } }],
    ["more live actions", { recommended_live_config: { ...built.recommended_live_config, max_actions: 2n } }],
    ["a bad policy", { policy: { ...built.policy, retention_days: 0n } }],
    ["no date", { issued_at_ms: 0n }],
  ])("is invalid with %s", (_what, change) => {
    expect(() => verifyDefaultMoot(resigned(change), signer.publicKey)).toThrow("defaultmoot: invalid descriptor: ");
  });

  test("is refused for its signature when changed, or by another key", () => {
    for (const change of [{ issued_at_ms: 2n }, { signature: new Uint8Array(64) }]) {
      expect(() => verifyDefaultMoot({ ...built, ...change }, signer.publicKey)).toThrow(
        "invalid descriptor signature",
      );
    }
    for (const key of [identity(5).publicKey, new Uint8Array(31)]) {
      expect(() => verifyDefaultMoot(built, key)).toThrow("invalid descriptor signature");
    }
    expect(() => verifyDefaultMoot({ ...built, signature: new Uint8Array(63) }, signer.publicKey)).toThrow("64 bytes");
  });

  test("is not read with unknown keys, a second value or past its size", () => {
    const text = decodeUtf8(encodeDefaultMoot(built));
    for (const other of [text.replace("{", '{"x":1,'), text.replace('"policy":{', '"policy":{"x":1,'), `${text}{}`]) {
      expect(() => decodeDefaultMoot(encodeUtf8(other))).toThrow();
    }
    expect(() => decodeDefaultMoot(encodeUtf8(text + " ".repeat(DESCRIPTOR_BYTES_MAX)))).toThrow("at most");
  });

  test("has its key in any base64", () => {
    const standard = "UsIV+iaJEljYZSdiW+h9NoA+qkBNhsZTAAEJPweJrz8=";
    const url = standard.replace("+", "-").replace("+", "-").replace("+", "-");
    for (const text of [standard, standard.slice(0, -1), url, url.slice(0, -1), ` ${standard}\n`]) {
      expect(parsePinnedKey(text)).toBe(DEFAULT_MOOT_KEY);
    }
    for (const bad of ["", "AAAA", "!", `${standard}=`, `${standard.slice(0, -1)}B`, `${standard}A`]) {
      expect(() => parsePinnedKey(bad)).toThrow("32 bytes");
    }
  });
});
