import { expect, test } from "bun:test";
import { linkInJson } from "../../../src/core/admission/link-in-json.ts";

const LINK = `entmoot://join/${"A".repeat(200)}`;

const OPEN = "entmoot://open-invite?issuer=https%3A%2F%2Fa.example&token=b";

test.each([
  [` {"group_id":"x","link":"${LINK}","uses":null}\n`, LINK],
  [`{"open_invite":{"link":"${LINK}"},"name":"a"}`, LINK],
  [`{"link":null,"open_invite":{"link":"${LINK}"}}`, LINK],
  [`{"link":"${LINK.replaceAll("/", "\\/")}"}`, LINK],
  // As a moot made with an open invite is printed.
  [`{"group_id":"x","open_invite":{"token":"b","link":"${OPEN}","issuer_url":"https://a.example"}}`, OPEN],
])("%j holds the link", (text, link) => expect(linkInJson(text)).toBe(link));

test.each([
  LINK,
  "{}",
  `{"link":7}`,
  `{"link":"${LINK}"`,
  `{"link":"entmoot://open-invite?issuer=https://a.example&token=b"}`,
  `[{"link":"${LINK}"}]`,
  // What is signed is verified before its link is used.
  `{"type":"entmoot.public_moot.v1","open_invite":{"link":"${OPEN}"}}`,
  `{"type":"x","link":"${LINK}"}`,
])("%j holds none", (text) => expect(linkInJson(text)).toBeUndefined());
