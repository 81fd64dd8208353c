import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeUtf8, encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { SEARCHED_CHARS_MAX, searchedPart, termsOf } from "../../../src/core/search/words.ts";
import { indexTermsOf } from "../../../src/store/sqlite/search-terms.ts";

const wordsIn = (content: Uint8Array) =>
  indexTermsOf({ author_node_id: 1, topics: [], content }).filter((term) => !/^[\ue000-\ue002]/.test(term));
/** As a search reads the same bytes. */
const searched = (content: Uint8Array) => [...termsOf(searchedPart(decodeUtf8(content)))];

test("bytes that are no text give the words that a search reads in them", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.string({ unit: "grapheme", maxLength: 6 }).map(encodeUtf8),
    fc.constantFrom("word", " ", "Ünï", "会議").map(encodeUtf8),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const content = new Uint8Array(pieces.flatMap((bytes) => [...bytes]));
      expect(wordsIn(content)).toEqual(searched(content));
    }),
  );
});

test("where the text is cut off, it is cut where a search cuts it", () => {
  // A sequence cut short is two signs to one decoder and one to another.
  const broken = new Uint8Array(SEARCHED_CHARS_MAX + 400).fill(0x20);
  for (let at = 0; at < 300; at += 3) broken.set([0xe2, 0x82, 0x20], at);
  broken.set(encodeUtf8("edge"), SEARCHED_CHARS_MAX - 20);
  broken.set(encodeUtf8("beyond"), SEARCHED_CHARS_MAX + 150);
  expect(wordsIn(broken)).toEqual(searched(broken));
});
