import { expect, test } from "bun:test";
import { POLICY_PRESETS, policyName } from "../../../src/core/policy/policy.ts";

test("a policy is called after the preset whose limits it has, whatever it keeps", () => {
  const { relaxed, standard } = POLICY_PRESETS;
  expect(policyName(undefined)).toBe("none");
  expect(policyName({ ...standard, retention_days: 7n })).toBe("standard");
  expect(policyName({ ...relaxed, retention_days: 36_500n })).toBe("relaxed");
  expect(policyName({ ...relaxed, max_message_bytes: 1n })).toBe("custom");
});
