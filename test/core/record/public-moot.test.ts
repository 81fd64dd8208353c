import { describe, expect, test } from "bun:test";
import { decodeUtf8, encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { GroupId } from "../../../src/core/ids.ts";
import {
  buildPublicMoot,
  decodePublicMoot,
  encodePublicMoot,
  PUBLIC_MOOT_BYTES_MAX,
  type PublicMoot,
  publicMootSigningForm,
  verifyPublicMoot,
} from "../../../src/core/record/public-moot.ts";
import { sign } from "../../../src/core/signature.ts";
import { identity } from "../../support/identity.ts";
import { moot } from "../../support/moot.ts";

const founder = identity(1);
const built = buildPublicMoot(moot.publicFields, founder.seed);

function resigned(change: Partial<PublicMoot>): PublicMoot {
  const changed = { ...built, ...change };
  return { ...changed, signature: sign(founder.seed, publicMootSigningForm(changed)) };
}

describe("a public moot's descriptor", () => {
  test("is read back as published and gives its open invite", () => {
    const descriptor = decodePublicMoot(encodePublicMoot(built));
    expect(descriptor).toEqual(built);
    expect(verifyPublicMoot(descriptor)).toEqual({ issuer_url: "https://esp.example", token: "t" });
    expect(verifyPublicMoot(resigned({ join_mode: "invite_only", open_invite: undefined }))).toBeUndefined();
  });

  test.each([
    ["another type", { type: "entmoot.public_moot.v2" }],
    ["no group", { group_id: GroupId.zero }],
    ["a blank name", { name: " \u00a0" }],
    ["another visibility", { visibility: "unlisted" }],
    ["another join mode", { join_mode: "anyone" }],
    ["an open invite nobody may use", { join_mode: "invite_only" }],
    ["no open invite where one is promised", { open_invite: undefined }],
    ["an issuer with a query", { open_invite: { ...moot.openInvite, issuer_url: "https://esp.example?a" } }],
    ["a bad policy", { policy: { ...built.policy, message_rate_per_author: "6" } }],
    ["a founder without node id", { founder: { ...founder.info, pilot_node_id: 0 } }],
    ["a founder without key", { founder: { pilot_node_id: 1, entmoot_pubkey: null } }],
    ["no place in directories", { indexing: { directory: false, messages: false } }],
    ["messages to be indexed", { indexing: { directory: true, messages: true } }],
    ["no date", { updated_at_ms: 0n }],
    ["an end that is its beginning", { expires_at_ms: built.updated_at_ms }],
  ])("is invalid with %s", (_what, change) => {
    expect(() => verifyPublicMoot(resigned(change))).toThrow("publicmoot: invalid descriptor: ");
  });

  test("is refused for its signature when anything in it changes", () => {
    for (const change of [{ name: "Other" }, { founder: identity(2).info }, { tags: [] }, { description: "x" }]) {
      expect(() => verifyPublicMoot({ ...built, ...change })).toThrow("publicmoot: invalid descriptor signature: ");
    }
    expect(() => verifyPublicMoot({ ...built, signature: new Uint8Array(0) })).toThrow("64 bytes");
  });

  test("is not built with a key that is not the founder's", () => {
    expect(() => buildPublicMoot(moot.publicFields, identity(2).seed)).toThrow("not the founder's");
  });

  test("is not read with unknown keys, a second value or past its size", () => {
    const text = decodeUtf8(encodePublicMoot(built));
    for (const other of [
      text.replace("{", '{"x":1,'),
      text.replace('"indexing":{', '"indexing":{"x":1,'),
      `${text} {}`,
    ]) {
      expect(() => decodePublicMoot(encodeUtf8(other))).toThrow();
    }
    expect(() => decodePublicMoot(encodeUtf8(text + " ".repeat(PUBLIC_MOOT_BYTES_MAX)))).toThrow("at most");
  });
});
