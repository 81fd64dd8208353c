import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import type { MessageRow } from "../../src/node/operations/messages.ts";
import { HTML, MARKDOWN } from "../../src/view/export-text.ts";
import { GROUP, message } from "../support/message.ts";

const NASTY = [
  "<script>alert(1)</script>",
  "</pre></article><img src=x onerror=alert(1)>",
  "&lt;b&gt; \" ' `",
  "```\n# heading\n```\n<b>x</b>",
  "a\n\n# heading\n\n- list\n\n[link](javascript:alert(1))",
  "a\u202eb\u2066c\u200bd\u0007e\rf\u2028g\u0085h",
  "]]> <!-- x --> <![CDATA[",
];

function row(content: string, topics: readonly string[] = ["chat"]): MessageRow {
  const said = message({ content: encodeUtf8(content), topics });
  return { group_id: GROUP, seq: 1, place: "", message: said, apart: undefined, arrived_ms: undefined };
}

test.each(NASTY)("what a member writes is text on a page: %j", (nasty) => {
  const html =
    HTML.head({ name: nasty, groupId: "x", madeMs: 0 }) + HTML.message({ row: row(nasty, [nasty]), author: nasty });
  // Of the page itself are as many tags as when nobody writes any.
  const plain = HTML.head({ name: "a", groupId: "x", madeMs: 0 }) + HTML.message({ row: row("a"), author: "a" });
  const tags = (page: string) => page.match(/<[^>]*>/g);
  expect(tags(html)).toEqual(tags(plain)!);
  expect(html).toContain("default-src 'none'");

  const lines = MARKDOWN.message({ row: row(nasty, [nasty]), author: nasty }).split("\n");
  const said = lines.slice(lines.indexOf("", 1) + 1);
  for (const line of said) expect(line === "" || line.startsWith("    ")).toBe(true);
  // A sign that means something stands behind a backslash in whatever is not code.
  const head = lines[1]!.replaceAll(/\\./g, "").replaceAll("**", "");
  expect(head).not.toMatch(/[<>`#*[\]()!&_~|]/);
  for (const hidden of ["\u202e", "\u2066", "\u200b", "\u0007", "\r", "\u2028", "\u0085"]) {
    expect(html + lines.join("\n")).not.toContain(hidden);
  }
});
