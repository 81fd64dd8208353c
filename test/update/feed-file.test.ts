import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chosenFeed } from "../../src/update/feed-file.ts";
import { installPlace } from "../../src/update/install-place.ts";
import { update } from "../../src/update/update.ts";
import { FeedServer, feedFiles, STRANGER_SEED } from "../support/release-feed.ts";
import { Installed, program, refusal } from "./installed.ts";

const none = { feedUrl: undefined, repo: undefined, prerelease: false };

/** Where updates are looked for, with `text` beside the executable. */
function newest(place: Installed, text: string | undefined, choice: Partial<Parameters<typeof chosenFeed>[0]> = {}) {
  if (text !== undefined) writeFileSync(join(place.dir, ".entmoot-feed"), text);
  const at = installPlace({ installDir: undefined, running: place.executable, home: place.data });
  return chosenFeed({ ...none, ...choice }, at).newest?.href;
}

test("an update goes on with the feed that the program was installed from, and what is named comes before it", () => {
  using place = new Installed();
  expect(newest(place, undefined)).toBe("https://github.com/jerryfane/entmoot/releases/latest/download/");
  expect(newest(place, "https://example.org/feed/\n")).toBe("https://example.org/feed/");
  expect(newest(place, "https://example.org/feed\r\n")).toBe("https://example.org/feed/");
  expect(newest(place, undefined, { feedUrl: "https://example.com/" })).toBe("https://example.com/");
  const repo = "jerryfane/entmoot";
  expect(newest(place, undefined, { repo })).toBe(`https://github.com/${repo}/releases/latest/download/`);
  expect(newest(place, "nonsense", { repo })).toBe(`https://github.com/${repo}/releases/latest/download/`);
});

test.each([
  ["", 'expected one line with the address of a feed, found ""'],
  ["https://a.example/\nhttps://b.example/\n", "expected one line"],
  ["https://example.org/a b\n", "expected one line"],
  [`https://example.org/${"x".repeat(3000)}`, "found 2.9 KiB (3,020 bytes)"],
  ["http://example.org/\n", "plain http is only for this machine's loopback"],
  ["/srv/feed\n", "a path; put it on a web server"],
  ["https://me:secret@example.org/\n", "a user name or password"],
])("a file with %j names no feed, which is told of the file", async (text, said) => {
  using place = new Installed();
  writeFileSync(join(place.dir, ".entmoot-feed"), text);
  const message = await refusal(update(place.request(undefined)));
  expect(message).toStartWith(`${join(place.dir, ".entmoot-feed")}: expected `);
  expect(message).toContain(said);
  expect(message).toEndWith("; mend it, or remove it to use the project's releases");
  expect(message).not.toContain("ENTMOOT_UPDATE_URL");
});

test("what is no file is not passed over", async () => {
  using place = new Installed();
  mkdirSync(join(place.dir, ".entmoot-feed"));
  expect(await refusal(update(place.request(undefined)))).toContain(
    ".entmoot-feed: expected a file with the address of a feed",
  );
});

test("an update from the feed beside the program is signed by a release key, or is none", async () => {
  using place = new Installed();
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0"), seed: STRANGER_SEED }));
  writeFileSync(join(place.dir, ".entmoot-feed"), `${feed.url}\n`);
  expect(await refusal(update(place.request(undefined)))).toContain("expected a signature by");
  feed.files = feedFiles({ version: "v0.2.0", binary: program("v0.2.0") });
  expect(await update(place.request(undefined))).toMatchObject({ updated: true, latest_version: "v0.2.0" });
});
