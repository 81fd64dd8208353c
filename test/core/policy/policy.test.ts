import { describe, expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { GroupId } from "../../../src/core/ids.ts";
import {
  formatPolicy,
  POLICY_PRESETS,
  type Policy,
  parsePolicy,
  parsePolicySource,
  policyFault,
  policyPreset,
  policySummary,
} from "../../../src/core/policy/policy.ts";
import { formatPolicyFile, parsePolicyFile } from "../../../src/core/policy/policy-file.ts";
import {
  buildPolicyUpdate,
  POLICY_UPDATE_BYTES_MAX,
  parsePolicyUpdate,
} from "../../../src/core/policy/policy-update.ts";

const { standard, relaxed } = POLICY_PRESETS;
const group = (n: number) => GroupId.fromBytes(new Uint8Array(32).fill(n));

describe("a policy", () => {
  test.each([
    ["message_rate_per_author", "6", "message_rate_per_author: rate must use <quantity>/<period>"],
    ["message_burst_per_author", 0n, "message_burst_per_author must be positive"],
    ["byte_rate_per_author", "64KB/min", 'byte_rate_per_author: unsupported byte unit "KB"'],
    ["byte_burst_per_author", -1n, "byte_burst_per_author must be positive"],
    ["max_message_bytes", 0n, "max_message_bytes must be positive"],
    ["byte_burst_per_author", 8191n, "byte_burst_per_author must be greater than or equal to max_message_bytes"],
    ["live_trigger_rate", "1KiB/s", "live_trigger_rate: message quantity must be a positive integer"],
    ["live_trigger_burst", 0n, "live_trigger_burst must be positive"],
    ["live_max_actions_per_scan", -1n, "live_max_actions_per_scan must be non-negative"],
    ["live_max_action_bytes", -1n, "live_max_action_bytes must be non-negative"],
    ["retention_days", 0n, "retention_days must be positive"],
  ])("with %s %p is refused with its text", (field, value, reason) => {
    const fault = policyFault({ ...standard, [field]: value } as Policy);
    expect(fault).toEqual({ field: field as keyof Policy, reason });
  });

  test("is read back as written, and never with unknown keys, missing fields or a second value", () => {
    const text = formatPolicy(relaxed);
    expect(parsePolicy(text)).toEqual(relaxed);
    expect(() => parsePolicy(text.replace("{", '{"extra":1,'))).toThrow("known key");
    expect(() => parsePolicy(`${text}{}`)).toThrow();
    expect(() => parsePolicy("{}")).toThrow("message_rate_per_author");
  });

  test("comes from a preset by name in any case, or from none", () => {
    expect(policyPreset(" Standard ")).toBe(standard);
    expect(policyPreset("NONE")).toBeUndefined();
    expect(() => policyPreset("x")).toThrow('unknown policy preset "x" (want: standard, relaxed, none)');
    expect(parsePolicySource("")).toEqual({ kind: "preset", source: "preset:standard", policy: standard });
    expect(parsePolicySource("preset:RELAXED")).toEqual({ kind: "preset", source: "preset:relaxed", policy: relaxed });
    expect(parsePolicySource("none")).toEqual({ kind: "preset", source: "none", policy: undefined });
    expect(parsePolicySource("file: p.json")).toEqual({ kind: "file", source: "file:p.json", path: "p.json" });
    for (const bad of ["x", "file:", "Preset", "http://x"]) expect(() => parsePolicySource(bad)).toThrow("unsupported");
  });

  test("is summed up in one line", () => {
    expect(policySummary(standard)).toBe(
      "message_rate=6/min burst=12 max_message_bytes=8192 live_rate=6/min live_burst=6 retention_days=30",
    );
  });
});

describe("the policy file", () => {
  const policies = new Map<GroupId, Policy>([
    [group(2), relaxed],
    [group(1), standard],
  ]);
  const sequences = new Map([[group(1), 18446744073709551615n]]);

  test("is read back as written, policies and sequences", () => {
    const file = parsePolicyFile(encodeUtf8(formatPolicyFile({ policies, sequences })));
    expect(file.faults).toEqual([]);
    expect(new Map(file.policies)).toEqual(policies);
    expect(new Map(file.sequences)).toEqual(sequences);
  });

  test("loses only the entry that is bad, and says which", () => {
    const text = formatPolicyFile({ policies, sequences: new Map() });
    const broken = text.replace('"60/min"', '"sixty"').replace('"policies": {', '"policies": {"***": {},');
    const file = parsePolicyFile(encodeUtf8(broken));
    expect([...file.policies.keys()]).toEqual([group(1)]);
    expect(file.faults.map(({ key, groupId }) => ({ key, groupId }))).toEqual([
      { key: "***", groupId: undefined },
      { key: GroupId.toBase64(group(2)), groupId: group(2) },
    ]);
    expect(file.faults[1]!.reason).toContain("message_rate_per_author");
  });

  test("is refused as a whole when it is no such file", () => {
    for (const text of ["", "[]", "5", '{"version":2}', '{"version":1} x', '{"policies":[]}', '{"version":"1"}']) {
      expect(() => parsePolicyFile(encodeUtf8(text))).toThrow();
    }
    expect(() => formatPolicyFile({ policies: new Map([[GroupId.zero, standard]]), sequences })).toThrow(
      "policy: group id is required",
    );
  });

  test("does not mind what others put beside it", () => {
    const text = '{"sequences":{"a":1,"b":"x"},"other":[1],"policies":{}}';
    const file = parsePolicyFile(encodeUtf8(text));
    expect(file).toEqual({ policies: new Map(), sequences: new Map(), faults: [] });
  });
});

describe("a policy update", () => {
  const update = { group_id: group(1), policy: standard, updated_at_ms: 1_700_000_070_000n, sequence: 2n ** 64n - 1n };

  test("is read back as built, set or clear", () => {
    for (const policy of [standard, undefined]) {
      const read = parsePolicyUpdate(buildPolicyUpdate({ ...update, policy }));
      expect(read).toEqual({ ...update, policy, type: "entmoot.policy_update.v1" });
    }
  });

  test.each([
    ["no group", { group_id: GroupId.zero }, "policy update group_id is required"],
    ["no time", { updated_at_ms: 0n }, "policy update updated_at_ms must be positive"],
    ["no sequence", { sequence: 0n }, "policy update sequence must be positive"],
    [
      "a bad policy",
      { policy: { ...standard, retention_days: 0n } },
      "policy update policy: retention_days must be positive",
    ],
  ])("with %s is refused", (_what, change, reason) => {
    expect(() => buildPolicyUpdate({ ...update, ...change })).toThrow(reason);
  });

  test("is refused when another type, or larger than any update is", () => {
    const text = new TextDecoder().decode(buildPolicyUpdate(update));
    expect(() => parsePolicyUpdate(encodeUtf8(text.replace(".v1", ".v2")))).toThrow(
      'policy update type = "entmoot.policy_update.v2", want "entmoot.policy_update.v1"',
    );
    expect(() => parsePolicyUpdate(encodeUtf8(text + " ".repeat(POLICY_UPDATE_BYTES_MAX)))).toThrow("at most");
  });
});
