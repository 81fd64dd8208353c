import { expect, test } from "bun:test";
import { DEFAULT_MOOT_METADATA } from "../../../src/core/admission/default-moot.ts";
import { groupName, isPublicMoot } from "../../../src/node/group/group-name.ts";

test.each([
  ['{"name":"a","visibility":"public"}', "a", true],
  [DEFAULT_MOOT_METADATA, "The Ent Moot", true],
  ['{"name":"a","visibility":"unlisted"}', "a", false],
  ['{"name":7,"default_moot":"yes"}', "", false],
  ["null", "", false],
  ["{", "", false],
  [undefined, "", false],
])("of the metadata %j the name is %j, and it is public: %p", (metadata, name, isPublic) => {
  const store = { getFact: () => metadata };
  expect(groupName(store as never)).toBe(name);
  expect(isPublicMoot(store)).toBe(isPublic);
});
