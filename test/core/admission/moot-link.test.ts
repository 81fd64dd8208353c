import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  findMootLink,
  formatMootLink,
  isMootLink,
  LINK_CHARS_MAX,
  parseMootLink,
  refuseExpiredLink,
} from "../../../src/core/admission/moot-link.ts";
import { unixMs } from "../../../src/core/clock.ts";
import { GroupId, PublicKey } from "../../../src/core/ids.ts";
import { identity } from "../../support/identity.ts";

const issuer = identity(1);
const link = {
  groupId: GroupId.fromBytes(new Uint8Array(32).fill(9)),
  hints: ["192.0.2.1:4433"],
  token: new Uint8Array(16).fill(5),
  expiresAtMs: 1_800_000_000_000,
};
const text = formatMootLink(link, issuer.seed);
const payloadOf = (given: string) => Uint8Array.fromBase64(given.slice(15), { alphabet: "base64url" });
const textOf = (payload: Uint8Array) =>
  `entmoot://join/${payload.toBase64({ alphabet: "base64url", omitPadding: true })}`;

const port = fc.integer({ min: 1, max: 65535 });
const hint = fc.oneof(
  fc.tuple(fc.ipV4(), port).map(([ip, p]) => `${ip}:${p}`),
  fc.tuple(fc.ipV6(), port).map(([ip, p]) => `[${ip}]:${p}`),
  fc
    .domain()
    .map((name) => `https://${name.slice(0, 100)}/`)
    .filter((url) => URL.canParse(url)),
);

describe("a link into a moot", () => {
  test("is short, one word, and read back as it was written", () => {
    expect(text.length).toBeLessThanOrEqual(300);
    expect(text).toMatch(/^entmoot:\/\/join\/[A-Za-z0-9_-]+$/);
    expect(parseMootLink(`\n  ${text}\t`)).toEqual({ ...link, issuer: PublicKey.fromBytes(issuer.publicKey) });
    fc.assert(
      fc.property(
        fc.array(hint, { maxLength: 4 }),
        fc.uint8Array({ minLength: 16, maxLength: 32 }),
        fc.oneof(fc.constantFrom(0, 2 ** 48 - 1), fc.integer({ min: 0, max: 2 ** 45 })),
        (hints, token, expiresAtMs) => {
          const given = { ...link, hints, token, expiresAtMs };
          const written = formatMootLink(given, issuer.seed);
          expect(parseMootLink(written)).toEqual({ ...given, issuer: PublicKey.fromBytes(issuer.publicKey) });
          expect(isMootLink(written)).toBe(true);
        },
      ),
    );
  });

  test("is refused with any one byte changed, cut or added", () => {
    const payload = payloadOf(text);
    for (let at = 0; at < payload.length; at++) {
      const edited = payload.slice();
      edited[at]! ^= 1 << (at % 8);
      expect(() => parseMootLink(textOf(edited))).toThrow("moot link:");
      expect(() => parseMootLink(textOf(payload.subarray(0, at)))).toThrow("moot link:");
    }
    expect(() => parseMootLink(textOf(Uint8Array.of(...payload, 0)))).toThrow("moot link:");
    for (const bad of [`${text}A`, text.replace("join/", "join/?"), text.slice(0, -1)]) {
      expect(() => parseMootLink(bad)).toThrow("moot link:");
    }
  });

  const lines = (width: number, end: string) => text.replace(new RegExp(`.{${width}}`, "g"), (line) => line + end);
  test.each([
    ["in quotes", `"${text}"`],
    ["in quotes of a word processor", `\u201c${text}\u201d`],
    ["in angle brackets", `<${text}>`],
    ["in brackets of a note", `[join us](${text})`],
    ["as the text and the target of one", `[${text}](${text})`],
    ["in back quotes", `\`${text}\``],
    ["with a full stop", `${text}.`],
    ["at the end of a sentence", `Join us with ${text}, please!`],
    ["in italics", `_${text}_`],
    ["with slashes as JSON escapes them", `"${text.replaceAll("/", "\\/")}"`],
    ["as the address of a page carries it", encodeURIComponent(text)],
    ["as the source of a page has it", text.replace(":", "&#58;").replaceAll("/", "&#x2F;")],
    ["with a capital letter", text.replace("entmoot", "Entmoot")],
    ["behind a byte order mark", `\ufeff${text}`],
    ["with joiners and soft hyphens", lines(20, "\u200b\u00ad")],
    ["wrapped over lines", lines(40, "\n")],
    ["wrapped over lines of another system, indented", lines(40, "\r\n    ")],
    ["quoted in an answer by mail", `> ${lines(30, "\n> ")}`],
    ["in quoted-printable", lines(75, "=\r\n")],
    ["behind a shell's backslashes", lines(60, "\\\n")],
  ])("is understood %s", (_, pasted) => {
    expect(isMootLink(pasted)).toBe(true);
    expect(findMootLink(pasted)).toEqual({
      link: { ...link, issuer: PublicKey.fromBytes(issuer.publicKey) },
      spelling: text,
    });
  });

  test("is one: of two different ones in a text none is taken", () => {
    const other = formatMootLink({ ...link, token: new Uint8Array(16).fill(6) }, issuer.seed);
    expect(() => parseMootLink(`${text}\n${other}`)).toThrow("moot link: expected one link, found 2");
  });

  test("is not looked for in JSON, nor in what is too long to be pasted", () => {
    expect(isMootLink(`{"link":"${text}"}`)).toBe(false);
    expect(isMootLink(`${" ".repeat(20_000)}${text}`)).toBe(false);
  });

  test("that lost its capital or small letters is told so", () => {
    const encoded = text.slice("entmoot://join/".length);
    for (const changed of [encoded.toLowerCase(), encoded.toUpperCase()]) {
      expect(() => parseMootLink(`entmoot://join/${changed}`)).toThrow("all its letters are of one case");
    }
  });

  test("of a later version asks for an update", () => {
    const payload = payloadOf(text);
    payload[0] = 2;
    expect(() => parseMootLink(textOf(payload))).toThrow("version 2 is not known here; update entmootd");
  });

  test("signed by another key is refused for its signature", () => {
    const [mine, other] = [payloadOf(text), payloadOf(formatMootLink(link, identity(2).seed))];
    mine.set(other.subarray(-64), mine.length - 64);
    expect(() => parseMootLink(textOf(mine))).toThrow("signature is not its issuer's");
  });

  test("is refused when too long, or when it is something else", () => {
    expect(() => parseMootLink(`entmoot://join/${"A".repeat(LINK_CHARS_MAX)}`)).toThrow("at most");
    expect(() => parseMootLink(" ".repeat(10_000_000))).toThrow("at most");
    for (const other of ["", "entmoot://join/", "ENTMOOT://join/AA", "entmoot://open-invite?issuer=x"]) {
      expect(() => parseMootLink(other)).toThrow("moot link:");
    }
  });

  test("of any text is a link or a refusal", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
        expect(() => parseMootLink(textOf(payload))).toThrow("moot link:");
      }),
    );
  });

  test("expires at its time, or never", () => {
    refuseExpiredLink(parseMootLink(text), unixMs(link.expiresAtMs - 1));
    expect(() => refuseExpiredLink(parseMootLink(text), unixMs(link.expiresAtMs))).toThrow("it has expired");
    refuseExpiredLink(parseMootLink(formatMootLink({ ...link, expiresAtMs: 0 }, issuer.seed)), unixMs(1e15));
  });

  test("is not written with values a link cannot hold", () => {
    for (const change of [
      { token: new Uint8Array(15) },
      { token: new Uint8Array(33) },
      { hints: Array.from({ length: 5 }, () => "192.0.2.1:1") },
      { hints: ["nowhere"] },
      { expiresAtMs: -1 },
      { expiresAtMs: 1.5 },
      { expiresAtMs: 2 ** 48 },
    ]) {
      expect(() => formatMootLink({ ...link, ...change }, issuer.seed)).toThrow();
    }
  });
});
