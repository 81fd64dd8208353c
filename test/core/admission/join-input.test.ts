import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { buildDefaultMoot, encodeDefaultMoot } from "../../../src/core/admission/default-moot.ts";
import { createInvite, formatInvite, INVITE_BYTES_MAX } from "../../../src/core/admission/invite.ts";
import { classifyJoinArgument, parseJoinInput } from "../../../src/core/admission/join-input.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { unixMs } from "../../../src/core/clock.ts";
import { GroupId } from "../../../src/core/ids.ts";
import { buildPublicMoot, encodePublicMoot } from "../../../src/core/record/public-moot.ts";
import { anyInvite } from "../../support/arbitraries.ts";
import { identity } from "../../support/identity.ts";
import { moot } from "../../support/moot.ts";

const NOW = unixMs(1_700_000_000_000);
const signer = identity(4);
const context = { nowMs: NOW, pinnedKey: signer.publicKey };
const parse = (body: string) => parseJoinInput(encodeUtf8(body), context);
const [example] = fc.sample(anyInvite, { seed: 1, numRuns: 1 });
const invite = createInvite(
  { ...example!, group_id: GroupId.fromBytes(new Uint8Array(32).fill(3)), valid_until: 0n, issuer: identity(1).info },
  identity(1).seed,
);

describe("the argument of join", () => {
  test.each([
    [" entmoot://join/AA ", "moot_link"],
    ["entmoot://open-invite?x", "open_invite_link"],
    ["entmoot:other", "open_invite_link"],
    ["https://h/x", "url"],
    ["http://h/x", "url"],
    ["HTTPS://h/x", "file"],
    ["./invite.json", "file"],
    ["", "file"],
  ])("%j is a %s", (argument, kind) => {
    expect(classifyJoinArgument(argument).kind).toBe(kind as "file");
  });
});

describe("what join is pointed at", () => {
  test("is a signed invite when it is nothing else", () => {
    expect(parse(formatInvite(invite))).toEqual({ kind: "invite", invite });
    expect(() => parse(formatInvite({ ...invite, valid_until: BigInt(NOW - 1) }))).toThrow("expired");
  });

  test("is an open invite by the exact name of a key, ahead of an invite", () => {
    const openInvite = { issuer_url: "https://h", token: "t" };
    expect(parse('{"issuer_url":"https://h","token":" t "}')).toEqual({ kind: "open_invite", openInvite });
    expect(parse(formatInvite(invite).replace("{", '{"token":"t","issuer_url":"https://h",'))).toMatchObject({
      openInvite,
    });
    expect(() => parse('{"Token":"t","Issuer_URL":"https://h"}')).toThrow("merkle_root");
  });

  test("is a public moot as its founder signed it, alone or in a directory's entry, while it lasts", () => {
    const signed = (fields: Partial<typeof moot.publicFields>) =>
      decodeUtf8(encodePublicMoot(buildPublicMoot({ ...moot.publicFields, ...fields }, identity(1).seed)));
    const open = signed({ updated_at_ms: BigInt(NOW), expires_at_ms: BigInt(NOW + 1) });
    const found = { kind: "public_moot", openInvite: { token: moot.publicFields.open_invite.token } };
    expect(parse(open)).toMatchObject(found);
    expect(parse(`{"public_moot":{"descriptor":${open},"status":"listed"}}`)).toMatchObject(found);
    expect(() => parse('{"public_moot":{"status":"listed"}}')).toThrow("expected a descriptor");
    expect(() => parse(open.replace(/"name":"[^"]*"/, '"name":"Another"'))).toThrow("signature");
    expect(() => parse(open.replace('{"type"', '{"more":1,"type"'))).toThrow("more");
    expect(() => parse(`${open}${open}`)).toThrow("join input");
    expect(() => parse(signed({ updated_at_ms: BigInt(NOW - 5), expires_at_ms: BigInt(NOW) }))).toThrow("expired");
    expect(() => parse(signed({ join_mode: "invite_only", open_invite: undefined as never }))).toThrow(
      "by invitation alone",
    );
  });

  test("is a default moot only when the pinned key signed it", () => {
    const body = encodeDefaultMoot(buildDefaultMoot(moot.defaultFields, signer.seed));
    expect(parseJoinInput(body, context)).toMatchObject({
      kind: "default_moot",
      openInvite: { issuer_url: "https://esp.example", token: "t" },
    });
    expect(() => parseJoinInput(body, { ...context, pinnedKey: identity(5).publicKey })).toThrow("pinned key");
    expect(() => parse('{"type":"entmoot.default_moot.v1","token":"t","issuer_url":"https://h"}')).toThrow("known key");
  });

  test("is a fleet invite when its parts agree, with metadata made up when none came", () => {
    const inner = formatInvite(invite);
    expect(parse(`{"fleet_id":" f ","fleet_name":"<N>","invite":${inner}}`)).toEqual({
      kind: "fleet_invite",
      invite,
      fleetId: "f",
      fleetName: "<N>",
      groupMetadata:
        '{"description":"Hidden Fleet control channel","fleet_control":true,"fleet_id":"f","hidden":true,"name":"Fleet Control: \\u003cN\\u003e"}',
    });
    const other = GroupId.toBase64(GroupId.fromBytes(new Uint8Array(32).fill(8)));
    for (const parts of [
      `"fleet_id":" "`,
      `"type":"x","fleet_id":"f"`,
      `"fleet_id":"f","control_group_id":"${other}"`,
      `"fleet_id":"f","group_metadata":[]`,
      `"fleet_id":"f","group_metadata":null`,
      `"fleet_id":"f","group_metadata":{"fleet_id":"f"}`,
      `"fleet_id":"f","group_metadata":{"fleet_control":true,"fleet_id":"g"}`,
    ]) {
      expect(() => parse(`{${parts},"invite":${inner}}`)).toThrow();
    }
    expect(() => parse('{"fleet_id":"f","invite":null}')).toThrow();
  });

  test("is refused when it is anything else, and never past a size", () => {
    for (const body of ["", "x", "[]", "null", "5", "{}", '"a"', "{}{}"]) expect(() => parse(body)).toThrow();
    expect(() => parseJoinInput(new Uint8Array(INVITE_BYTES_MAX + 1), context)).toThrow("at most");
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (body) => {
        try {
          parse(body);
        } catch (error) {
          expect((error as Error).name).toBe("EntmootError");
        }
      }),
    );
  });

  test("is bounded in what it costs", () => {
    const deep = `{"a":${"[".repeat(500_000)}`;
    expect(() => parse(deep)).toThrow("nesting");
    expect(decodeUtf8(encodeUtf8(deep)).length).toBe(deep.length);
  });
});
