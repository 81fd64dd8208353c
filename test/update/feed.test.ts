import { expect, test } from "bun:test";
import { feedOf, wantedTag } from "../../src/update/feed.ts";
import { compareVersions, parseVersion } from "../../src/update/version-order.ts";
import { expectCode } from "../support/expect-code.ts";

const folder = (url: string) => feedOf({ url, repo: "", prerelease: false });
const forge = (repo: string, prerelease = false) => feedOf({ url: undefined, repo, prerelease });

test.each([
  ["https://example.org/a", "https://example.org/a/"],
  ["https://example.org:8443/a/b/", "https://example.org:8443/a/b/"],
  ["http://127.0.0.1:80/", "http://127.0.0.1/"],
  ["http://localhost:9/x", "http://localhost:9/x/"],
  ["http://[::1]:9/", "http://[::1]:9/"],
])("a feed may be at %s", (url, base) => expect(folder(url).newest?.href).toBe(base));

test.each([
  ["/srv/feed", /a path/],
  ["./feed", /a path/],
  ["file:///srv/feed", /a path/],
  ["C:\\feed", /a path/],
  ["http://example.org/", /plain http/],
  ["http://127.0.0.1.example.org/", /plain http/],
  ["http://10.0.0.1/", /plain http/],
  ["ftp://example.org/", /scheme/],
  ["data:text/plain,x", /scheme/],
  ["https://me:secret@example.org/", /user name/],
  ["https://example.org/?a=b", /query/],
  ["feed", /expected the https/],
])("a feed may not be at %s", (url, says) => {
  expectCode("invalid_argument", () => folder(url));
  expect(() => folder(url)).toThrow(says);
});

test("a folder's server may send us elsewhere on itself only, and never to plain http", () => {
  const feed = folder("https://example.org/feed");
  const from = feed.newest!;
  expect(feed.allowsRedirect(from, new URL("https://example.org/other"))).toBe(true);
  for (const to of ["http://example.org/feed", "https://example.org:444/", "https://cdn.example.org/", "file:///x"]) {
    expect(feed.allowsRedirect(from, new URL(to))).toBe(false);
  }
  expect(feed.named("v1.2.3").href).toBe("https://example.org/feed/v1.2.3/");
});

test("the forge may send us to its own storage, and nowhere else", () => {
  const feed = forge("owner/name");
  expect(feed.newest?.href).toBe("https://github.com/owner/name/releases/latest/download/");
  expect(feed.named("v1.2.3").href).toBe("https://github.com/owner/name/releases/download/v1.2.3/");
  const from = feed.newest!;
  for (const to of ["https://github.com/x", "https://objects.githubusercontent.com/x"]) {
    expect(feed.allowsRedirect(from, new URL(to))).toBe(true);
  }
  for (const to of [
    "http://github.com/x",
    "http://objects.githubusercontent.com/x",
    "https://githubusercontent.com.example.org/",
    "https://evilgithubusercontent.com/",
    "https://objects.githubusercontent.com:8443/",
    "https://example.org/",
  ]) {
    expect(feed.allowsRedirect(from, new URL(to))).toBe(false);
  }
  expect(forge("owner/name", true)).toMatchObject({ newest: undefined });
});

test.each(["", "owner", "owner/..", "../x", "owner/name/more", "owner/na?me", "-x/y", "owner/name#", "o w/n"])(
  "%j is no repository",
  (repo) => {
    expectCode("invalid_argument", () => forge(repo));
  },
);

test.each([
  ["1.2.3", "v1.2.3"],
  ["v1.2.3-rc.1+build", "v1.2.3-rc.1+build"],
])("-version %s names %s", (text, tag) => expect(wantedTag(text)).toBe(tag));

test.each(["", "latest", "v1", "1.2", "01.2.3", "v1.2.3/..", "1.2.3 ", `1.2.3-${"x".repeat(99)}`])(
  "-version %j names none",
  (text) => {
    expectCode("invalid_argument", () => wantedTag(text));
  },
);

test("versions come in the order of the specification, whatever they were built from", () => {
  const order = [
    "0.9.0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "v1.0.0",
    "1.0.1",
    "1.10.0",
    "2.0.0",
    "99999999999999999999.0.0",
  ].map((text) => parseVersion(text)!);
  for (const [i, a] of order.entries()) {
    for (const [j, b] of order.entries()) expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(i - j));
  }
  expect(compareVersions(parseVersion("1.0.0+a")!, parseVersion("1.0.0+b")!)).toBe(0);
});
