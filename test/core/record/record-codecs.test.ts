import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { canonicalJson } from "../../../src/core/json/canonical-json.ts";
import { type Codec, decodeJson, encodeCanonical, encodeWire } from "../../../src/core/json/json-codec.ts";
import { invite, memberProfileAd, message, rosterEntry, transportAd } from "../../../src/core/record/record-codecs.ts";
import {
  anyInvite,
  anyMemberProfileAd,
  anyMessage,
  anyRosterEntry,
  anyTransportAd,
} from "../../support/arbitraries.ts";

function records<T>(name: string, codec: Codec<T>, arbitrary: fc.Arbitrary<T>): void {
  test(`${name}: decoding undoes both encodings`, () => {
    fc.assert(
      fc.property(arbitrary, (record) => {
        expect(decodeJson(codec, encodeWire(codec, record))).toEqual(record);
        expect(decodeJson(codec, encodeCanonical(codec, record))).toEqual(record);
      }),
    );
  });

  test(`${name}: the canonical form is the canonical form of the wire form, and its own`, () => {
    fc.assert(
      fc.property(arbitrary, (record) => {
        const canonical = decodeUtf8(encodeCanonical(codec, record));
        expect(canonicalJson(encodeWire(codec, record))).toBe(canonical);
        expect(canonicalJson(canonical)).toBe(canonical);
      }),
    );
  });

  test(`${name}: key order, unknown keys, blanks and escapes do not change what is read`, () => {
    fc.assert(
      fc.property(arbitrary, fc.infiniteStream(fc.nat()), (record, choices) => {
        const text = scramble(JSON.parse(withQuotedNumbers(codec.write(record, "wire"))), choices);
        expect(encodeCanonical(codec, decodeJson(codec, text))).toEqual(encodeCanonical(codec, record));
      }),
    );
  });
}

records("message", message, anyMessage);
records("roster entry", rosterEntry, anyRosterEntry);
records("invite", invite, anyInvite);
records("transport ad", transportAd, anyTransportAd);
records("member profile ad", memberProfileAd, anyMemberProfileAd);

/** Integers as texts marked with U+E123, so that `JSON.parse` does not round them. */
function withQuotedNumbers(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|(-?\d[\d.e]*)/g, (_all, text, number) => text ?? `"\ue123${number}"`);
}

/** The same value in another hand: keys shuffled, junk between them, any character escaped. */
function scramble(value: unknown, choices: Iterator<number>): string {
  const choose = (below: number) => choices.next().value % below;
  if (Array.isArray(value)) return `[ ${value.map((inner) => scramble(inner, choices)).join("\n,")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${quote(key, choices)} : ${scramble(inner, choices)}`);
    if (!isOpaque(value)) entries.push(`"x${choose(100)}":{"id":[1e999,null],"x":"\\ud800"}`);
    return `{${entries.sort(() => choose(3) - 1).join("\t,")} }`;
  }
  if (typeof value !== "string") return JSON.stringify(value);
  return value.startsWith("\ue123") ? value.slice(1) : quote(value, choices);
}

/** Inside raw JSON an unknown key is content. */
function isOpaque(value: object): boolean {
  return Object.keys(value).length === 0 || "b" in value;
}

function quote(text: string, choices: Iterator<number>): string {
  const units = text.split("").map((unit) => {
    const code = unit.charCodeAt(0);
    const must = code < 0x20 || unit === '"' || unit === "\\" || (code & 0xf800) === 0xd800;
    return must || choices.next().value % 3 === 0 ? `\\u${code.toString(16).toUpperCase().padStart(4, "0")}` : unit;
  });
  return `"${units.join("")}"`;
}

test("topics absent, null and empty are one message; peers null and empty are two invites", () => {
  const zero = { merkle_root: invite.zero().merkle_root, founder: { pilot_node_id: 0, entmoot_pubkey: null } };
  const canonical = (text: string) => decodeUtf8(encodeCanonical(message, decodeJson(message, text)));
  expect(canonical('{"topics":[]}')).toBe(canonical("{}"));
  expect(canonical('{"topics":null}')).toBe(canonical("{}"));
  expect(invite.write({ ...invite.zero(), ...zero, bootstrap_peers: [] }, "canonical")).toContain(
    '"bootstrap_peers":[]',
  );
  expect(invite.write({ ...invite.zero(), ...zero }, "canonical")).toContain('"bootstrap_peers":null');
});

test("a key that is empty and one that is absent are two node infos", () => {
  const canonical = (text: string) => message.write(decodeJson(message, text), "canonical");
  expect(canonical('{"author":{"entmoot_pubkey":""}}')).toContain('"entmoot_pubkey":""');
  expect(canonical('{"author":{}}')).toContain('"entmoot_pubkey":null');
});

test("an invite without its Merkle root is refused, null does not stand for one, and a good one outlives a null", () => {
  const root = `"${Buffer.alloc(32, 7).toString("base64")}"`;
  for (const text of ["{}", "null", '{"merkle_root":null}', '{"merkle_root":""}']) {
    expect(() => decodeJson(invite, text)).toThrow(/^invite: /);
  }
  expect(decodeJson(invite, `{"merkle_root":${root},"merkle_root":null}`).merkle_root).toBe(
    decodeJson(invite, `{"merkle_root":${root}}`).merkle_root,
  );
});
