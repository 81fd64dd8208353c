import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  isEntmootLink,
  looksLikeToken,
  openInviteEndpoint,
  parseIssuerUrl,
  parseOpenInvite,
  parseOpenInviteLink,
  tokenHash,
} from "../../../src/core/admission/open-invite.ts";
import { trimSpace } from "../../../src/core/bytes/text.ts";
import { parseUrl, URL_CHARS_MAX } from "../../../src/core/bytes/textual-url.ts";

const link = (issuer: string, token = "t") =>
  `entmoot://open-invite?issuer=${encodeURIComponent(issuer)}&token=${encodeURIComponent(token)}`;

describe("an issuer url", () => {
  test.each([
    ["https://h", "https://h"],
    [" HTTPS://Host.Example:443/a/../b?x#y ", "https://Host.Example:443/a/../b"],
    ["https://h/p?", "https://h/p?"],
    ["https://h/ü b", "https://h/%C3%BC%20b"],
    ["https://h/a%2fb", "https://h/a%2fb"],
    ["http://localhost:8080", "http://localhost:8080"],
    ["http://NODE.Local", "http://NODE.Local"],
    ["http://[::1]:9/", "http://[::1]:9/"],
  ])("%j is normalised to %j", (given, normalised) => {
    expect(parseIssuerUrl(given)).toBe(normalised);
    expect(parseIssuerUrl(normalised)).toBe(normalised);
  });

  test.each([
    "",
    "esp.example",
    "/v1",
    "//h/x",
    "https:h",
    "https:///x",
    "https://:443",
    "ftp://h",
    "http://h",
    "http://127.0.0.2",
    "http://local",
    "http://localhost.evil",
    "https://u:p@h",
    "https://@h",
    "https://a b",
    "https://a\\b",
    "https://h:x",
    "https://h:1:2",
    "https://[::1",
    "https://[zz]",
    "https://[1.2.3.4]",
    "https://h/%zz",
    "https://h%41",
    "https://h/\u0001",
    "https://h/\u007f",
    ":x",
  ])("%j is refused", (given) => {
    expect(() => parseIssuerUrl(given)).toThrow();
  });

  test("with a query or fragment is refused where it is signed", () => {
    for (const url of ["https://h?a", "https://h#f"]) expect(() => parseIssuerUrl(url, "refuse")).toThrow("query");
    expect(parseIssuerUrl("https://h?", "refuse")).toBe("https://h?");
  });

  test("of any text is normalised once and for all, or refused", () => {
    const part = fc.string({ unit: "binary", maxLength: 8 });
    const url = fc
      .tuple(fc.constantFrom("https://", "http://", "HTTPS://h/", "https://h"), part, part)
      .map((p) => p.join(""));
    fc.assert(
      fc.property(fc.oneof(url, fc.string({ unit: "binary" })), (given) => {
        let normalised: string;
        try {
          normalised = parseIssuerUrl(given);
        } catch (error) {
          expect((error as Error).name).toBe("EntmootError");
          return;
        }
        expect(parseIssuerUrl(normalised)).toBe(normalised);
        expect(normalised).toMatch(/^https?:\/\/[\x21-\x7e]+$/);
      }),
      { numRuns: 500 },
    );
    expect(() => parseUrl(`https://${"a".repeat(URL_CHARS_MAX)}`)).toThrow("at most");
  });
});

/** As an issuer writes it: form values in a query. */
function linkOf(invite: { readonly issuer_url: string; readonly token: string }): string {
  return `entmoot://open-invite?${new URLSearchParams({ issuer: invite.issuer_url, token: invite.token })}`;
}

describe("an open invite", () => {
  test("is read back from its link, whatever the token", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (token) => {
        fc.pre(trimSpace(token) !== "" && token.isWellFormed());
        const invite = { issuer_url: "https://esp.example/p", token: trimSpace(token) };
        expect(parseOpenInviteLink(linkOf(invite))).toEqual(invite);
        expect(parseOpenInvite({ ...invite, link: linkOf(invite) })).toEqual(invite);
      }),
    );
  });

  test("is refused when its forms differ or none is whole", () => {
    const whole = { issuer_url: "https://h", token: "t", link: "" };
    for (const bad of [
      { ...whole, issuer_url: "" },
      { ...whole, token: " " },
      { ...whole, issuer_url: "", token: "" },
      { ...whole, link: link("https://h", "u") },
      { ...whole, link: link("https://h/") },
      { ...whole, link: "entmoot://group" },
    ]) {
      expect(() => parseOpenInvite(bad)).toThrow("open invite:");
    }
  });

  test("is a link only with the exact scheme and kind", () => {
    expect(isEntmootLink(" entmoot://open-invite")).toBe(true);
    expect(isEntmootLink("ENTMOOT://open-invite")).toBe(false);
    for (const bad of [
      "entmoot:open-invite?issuer=https%3A%2F%2Fh&token=t",
      link("https://h").replace("open-", "Open-"),
    ]) {
      expect(() => parseOpenInviteLink(bad)).toThrow();
    }
  });

  test("is challenged and redeemed below its issuer's path", () => {
    const invite = parseOpenInviteLink(link("https://h/a/", "x y"));
    expect(openInviteEndpoint(invite, "challenge")).toBe("https://h/a/v1/open-invites/x%2520y/challenge");
    expect(openInviteEndpoint(invite, "redeem")).toBe("https://h/a/v1/open-invites/x%2520y/redeem");
  });

  test("is known by the hash of its trimmed token", () => {
    expect(tokenHash(" open-token\n")).toBe("xaFsINOsl3BQx1a-CxQGCHXQaYEjWzJPT_xAYu0Cvr0");
    expect(looksLikeToken("a".repeat(32))).toBe(true);
    for (const name of ["a".repeat(31), `${"a".repeat(32)}.json`, `${"a".repeat(32)}\n`]) {
      expect(looksLikeToken(name)).toBe(false);
    }
  });
});
