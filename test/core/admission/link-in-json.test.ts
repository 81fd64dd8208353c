import { expect, test } from "bun:test";
import { linkInJson } from "../../../src/core/admission/link-in-json.ts";

const LINK = `entmoot://join/${"A".repeat(200)}`;

test.each([
  [` {"group_id":"x","link":"${LINK}","uses":null}\n`, LINK],
  [`{"open_invite":{"link":"${LINK}"},"name":"a"}`, LINK],
  [`{"link":null,"open_invite":{"link":"${LINK}"}}`, LINK],
  [`{"link":"${LINK.replaceAll("/", "\\/")}"}`, LINK],
])("%j holds the link", (text, link) => expect(linkInJson(text)).toBe(link));

test.each([
  LINK,
  "{}",
  `{"link":7}`,
  `{"link":"${LINK}"`,
  `{"link":"entmoot://open-invite?issuer=https://a.example&token=b"}`,
  `[{"link":"${LINK}"}]`,
])("%j holds none", (text) => expect(linkInJson(text)).toBeUndefined());
