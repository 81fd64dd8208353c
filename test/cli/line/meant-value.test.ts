import { expect, test } from "bun:test";
import { globalFlags } from "../../../src/cli/line/global-flags.ts";
import { meantValue } from "../../../src/cli/line/meant-value.ts";

const known = {
  ...globalFlags,
  order: { type: "string", valueHint: "asc|desc" },
  policy: { type: "string", valueHint: "preset:NAME|none|file:PATH" },
  name: { type: "string", valueHint: "NAME" },
} as const;

test.each([
  ["query: -order must be asc or desc", { order: "dsc" }, "; did you mean desc?"],
  ["query: -order must be asc or desc", { order: "DESC" }, "; did you mean desc?"],
  ['unknown log level "wrn": expected debug, info, warn or error', { "log-level": "wrn" }, "; did you mean warn?"],
  ["-policy: unknown policy preset", { policy: "preset:standrd" }, "; did you mean preset:standard?"],
  ["query: -order must be asc or desc", { order: "zzzzz" }, ""],
  ["query: -order desc: with -after messages come as they arrived", { order: "desc" }, ""],
  ["query: -limit: expected a whole number", { order: "dsc" }, ""],
  ["-order: did you mean asc?", { order: "asd" }, ""],
  ["-name: expected a name", { name: "asd" }, ""],
])("%s of %j", (message, flags, hint) => {
  expect(meantValue(message, { known, flags })).toBe(hint);
});
