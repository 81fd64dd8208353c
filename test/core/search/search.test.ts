import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GroupId, MessageId } from "../../../src/core/ids.ts";
import { formatSearchCursor, parseSearchCursor } from "../../../src/core/search/search-cursor.ts";
import { parseSearchQuery } from "../../../src/core/search/search-query.ts";
import { snippetOf } from "../../../src/core/search/snippet.ts";
import { SEARCHED_CHARS_MAX, termsOf } from "../../../src/core/search/words.ts";
import { expectCode } from "../../support/expect-code.ts";

const found = (content: string, query: string) => snippetOf(content, parseSearchQuery(query));

test("a snippet ends with a whole character, however long the words are", () => {
  for (const content of [
    `x needle ${"𝒳".repeat(800)}`,
    `needle ${"𝒳".repeat(800)}`,
    `${" ".repeat(SEARCHED_CHARS_MAX - 7)}needle𝒳`,
  ]) {
    expect(found(content, "needle")?.isWellFormed()).toBe(true);
  }
});

describe("what is asked for", () => {
  test("is the golden one, with its hash", () => {
    const { hash, text } = parseSearchQuery("  Policy, LIMITS policy! ");
    expect(text).toBe("policy limits");
    expect(hash).toBe("a41fc42c357c089df6c1f5e98cd23c02a7dce1f29511fbb51fb0be5c53018211");
  });

  test.each([
    ["v1.5.81", "v1 5 81"],
    ['say "no" OR NEAR(a b, 2)*', "say no or near a b 2"],
    ["ÄPFEL Straße ΟΔΟΣ İstanbul", "äpfel straße οδοσ istanbul"],
    ["don't", "don t"],
    ["हिन्दी", "ह न द"],
    ["東京 2024", "東京 2024"],
  ])("%s is %s", (input, text) => {
    expect(parseSearchQuery(input).text).toBe(text);
  });

  test("has a word, and 256 characters at most", () => {
    expect(parseSearchQuery(`${"😀".repeat(255)}a`).text).toBe("a");
    const message = (text: string) => expectCode("invalid_argument", () => parseSearchQuery(text)).message;
    expect(message("a".repeat(257))).toContain("query exceeds 256 characters");
    expect(message(" \n")).toContain("empty query");
    expect(message("😀 !?")).toContain("query contains no searchable terms");
  });
});

describe("what matches", () => {
  test.each([
    ["naïve approach", "naive", true],
    ["nai\u0308ve approach", "NAÏVE", true],
    ["a b", "b a", true],
    ["ab", "a", false],
    ["हिन्दी भाषा", "हिन्दी", true],
    ["我们明天在东京见面", "东京", true],
    ["我们明天在东京见面", "京东", false],
    ["我们明天在东京见面", "见", true],
    ["東は京", "東京", false],
    ["สวัสดีครับ", "ครับ", true],
    ["Release v1.5.81 is out", "v1.5.81", true],
    ["Release v1.5.8 is out", "v1.5.81", false],
    [`${"x".repeat(100)} y`, "x".repeat(100), true],
  ])("%s has %s: %p", (content, query, matches) => {
    expect(found(content, query) !== undefined).toBe(matches);
    const has = termsOf(content);
    // Whoever looks the terms up finds all that match, and perhaps more.
    if (matches) expect(parseSearchQuery(query).terms.every((term) => has.has(term))).toBe(true);
  });

  test("is within the part that is searched, the same by terms and by text", () => {
    for (const filler of ["word ", "東", "é ", "ab1 "]) {
      const content = `${filler.repeat(SEARCHED_CHARS_MAX / filler.length)} needle`;
      expect(found(content, "needle")).toBeUndefined();
    }
    expect(termsOf([...Array(40_000).keys()].map((n) => `é${n}`).join(" ")).size).toBe(16_384);
  });

  test("terms hold nothing but letters, numbers and marks, in any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (content) => {
        for (const term of termsOf(content)) expect(term).toMatch(/^[\p{L}\p{N}\p{M}]+$/u);
      }),
    );
  });
});

describe("a snippet", () => {
  test("is the golden one", () => {
    const content =
      "The policy limits are strict. Limits of policy apply to every author in the group and nobody may exceed the limits at any time";
    expect(found(content, "policy limits")).toBe(
      "The [policy] [limits] are strict. [Limits] of [policy] apply to every author...",
    );
  });

  test("is the one that SQLite gives", () => {
    using db = new Database(":memory:");
    db.run("CREATE VIRTUAL TABLE fts USING fts5(content)");
    const word = fc.constantFrom("one", "two", "three", "Four", "five", "six.", "seven:", "eight,", "end.\n");
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 60 }),
        fc.constantFrom("one", "two three", "one two seven"),
        (words, asked) => {
          const content = words.join(" ");
          db.run("DELETE FROM fts");
          db.run("INSERT INTO fts VALUES (?)", [content]);
          const sql = "SELECT snippet(fts, 0, '[', ']', '...', 12) FROM fts WHERE fts MATCH ?";
          const [row] = db.query(sql).values(asked.replaceAll(" ", " AND "));
          expect(found(content, asked)).toBe(row?.[0] as string | undefined);
        },
      ),
    );
  });

  test("marks part of a run, and stays short however long its words are", () => {
    expect(found("我们明天在东京见面", "东京")).toBe("我们明天在[东京]见面");
    expect(found(`${"x".repeat(60_000)} y`, "y")!.length).toBeLessThan(700);
  });
});

describe("where a page ended", () => {
  const groupId = GroupId.fromBytes(Uint8Array.from({ length: 32 }, (_, at) => at + 1));
  const id = MessageId.fromBytes(Uint8Array.fromBase64("6FZqUd9X3nRpoJH+S5/Ay8uZ6/3UcnYY1VKR+8jk/xo="));
  const of = { groupId, topic: "chat/general", hash: parseSearchQuery("policy limits").hash };
  const place = { timestamp: 1_700_000_010_000n, author_node_id: 200, id };
  const golden =
    "eyJ2IjoxLCJncm91cF9pZCI6IkFRSURCQVVHQndnSkNnc01EUTRQRUJFU0V4UVZGaGNZR1JvYkhCMGVIeUE9IiwidG9waWMiOiJjaGF0L2dlbmVyYWwiLCJxdWVyeV9oYXNoIjoiYTQxZmM0MmMzNTdjMDg5ZGY2YzFmNWU5OGNkMjNjMDJhN2RjZTFmMjk1MTFmYmI1MWZiMGJlNWM1MzAxODIxMSIsInRpbWVzdGFtcF9tcyI6MTcwMDAwMDAxMDAwMCwiYXV0aG9yX25vZGVfaWQiOjIwMCwibWVzc2FnZV9pZCI6IjZGWnFVZDlYM25ScG9KSCtTNS9BeTh1WjYvM1VjbllZMVZLUis4amsveG89In0";

  test("is the golden one, both ways", () => {
    expect(formatSearchCursor(place, of)).toBe(golden);
    expect(parseSearchCursor(golden, of)).toEqual(place);
  });

  test.each([
    ["another topic", golden, { ...of, topic: "chat" }, "does not match"],
    ["no topic", golden, { ...of, topic: undefined }, "does not match"],
    ["another query", golden, { ...of, hash: "0".repeat(64) }, "does not match"],
    ["another group", golden, { ...of, groupId: GroupId.zero }, "does not match"],
    ["another version", btoa('{"v":2}').replaceAll("=", ""), of, "unsupported"],
    ["no base64", "*", of, "invalid search cursor"],
    ["no JSON", "abc", of, "invalid search cursor"],
    ["nothing", "", of, "invalid search cursor"],
    ["a megabyte", "a".repeat(1_000_000), of, "invalid search cursor"],
    ["a message of zeros", formatSearchCursor({ ...place, id: MessageId.zero }, of), of, "invalid search cursor"],
  ])("%s is refused", (_, text, asked, why) => {
    expect(expectCode("invalid_argument", () => parseSearchCursor(text, asked)).message).toContain(why);
  });
});
