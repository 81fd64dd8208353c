import { matchAny, matchTopic, patternFault } from "../../core/policy/topic.ts";
import { booleanField, hexField, hexListField, textField } from "../fields.ts";
import { expectEqual, type Subject } from "../subject.ts";

/** One character a byte: topics are compared as bytes, and some vectors are not UTF-8. */
const asText = (bytes: Uint8Array) => String.fromCharCode(...bytes);

export const subject: Subject = {
  kinds: {
    pattern(vector) {
      expectEqual(patternFault(asText(hexField(vector, "pattern"))) ?? "ok", textField(vector, "expect"));
    },
    match(vector) {
      const pattern = asText(hexField(vector, "pattern"));
      const found = hexListField(vector, "topics").filter((topic) => matchTopic(pattern, asText(topic)));
      expectEqual(found, hexListField(vector, "matching"));
    },
    match_any(vector) {
      const filter = hexListField(vector, "filter").map(asText);
      expectEqual(matchAny(filter, asText(hexField(vector, "topic"))), booleanField(vector, "match"));
    },
  },
};
