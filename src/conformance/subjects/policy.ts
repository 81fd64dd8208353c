import { decodeUtf8, encodeUtf8 } from "../../core/bytes/utf8.ts";
import { later, unixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { canonicalJson } from "../../core/json/canonical-json.ts";
import { decodeJson } from "../../core/json/json-codec.ts";
import { ContentLimiter } from "../../core/policy/content-limiter.ts";
import { policyCodec, policyFault } from "../../core/policy/policy.ts";
import { formatPolicyFile, parsePolicyFile } from "../../core/policy/policy-file.ts";
import { buildPolicyUpdate, parsePolicyUpdate } from "../../core/policy/policy-update.ts";
import { parseByteRate, parseMessageRate, type Rate } from "../../core/policy/rate.ts";
import { booleanField, hexField, hexText, numberField, objectField, objectListField, textField } from "../fields.ts";
import { expectEqual, Mismatch, type Subject, type VectorCase } from "../subject.ts";

export const subject: Subject = {
  kinds: { rate: checkRate, validate: checkValidate, file: checkFile, policy_update: checkUpdate, bucket: checkBucket },
};

function checkRate(vector: VectorCase): void {
  const input = hexText(vector, "input");
  expectEqual(
    rateOutcome(() => parseMessageRate(input)),
    objectField(vector, "message"),
  );
  expectEqual(
    rateOutcome(() => parseByteRate(input)),
    objectField(vector, "bytes"),
  );
}

function rateOutcome(parse: () => Rate): object {
  try {
    const { units, periodSeconds } = parse();
    return { expect: "ok", period_seconds: periodSeconds, units: `${units}` };
  } catch (error) {
    if (error instanceof EntmootError) return { expect: "reject" };
    throw error;
  }
}

function checkValidate(vector: VectorCase): void {
  const fault = policyFault(decodeJson(policyCodec, hexField(vector, "policy_json")));
  expectEqual(fault ? "invalid" : "ok", textField(vector, "expect"));
  expectEqual(fault?.field ?? null, vector.first_bad_field);
}

/** The original fails a whole file for one bad entry; here that entry is reported, which counts as its error. */
function checkFile(vector: VectorCase): void {
  // A case with neither is a file that does not exist, which holds nothing.
  const given = vector.file !== undefined ? "file" : vector.written !== undefined ? "written" : undefined;
  const bytes = given ? hexField(vector, given) : encodeUtf8("{}");
  const expected = textField(vector, "expect");
  const file = outcomeOf(() => parsePolicyFile(bytes));
  if (file === undefined || file.faults.length > 0) {
    expectEqual("error", expected);
    return;
  }
  expectEqual("ok", expected);
  const policies = objectField(vector, "policies");
  expectEqual([...file.policies.keys()].toSorted(), Object.keys(policies).toSorted());
  for (const [groupId, policy] of file.policies) {
    expectEqual(policyCodec.write(policy, "wire"), JSON.stringify(policies[groupId]));
  }
  if (given === "written") {
    expectEqual(formatPolicyFile(file), decodeUtf8(bytes));
    return;
  }
  if (!file.policies.has(GroupId.zero)) {
    const again = parsePolicyFile(encodeUtf8(formatPolicyFile(file)));
    expectEqual([...again.policies.keys()], [...file.policies.keys()].toSorted());
  }
}

function checkUpdate(vector: VectorCase): void {
  const content = hexField(vector, "content");
  const expected = textField(vector, "expect");
  try {
    const update = parsePolicyUpdate(content);
    expectEqual(update.policy ? "set" : "clear", expected);
    expectEqual(canonicalJson(buildPolicyUpdate(update)), canonicalJson(content));
  } catch (error) {
    if (error instanceof Mismatch || !(error instanceof EntmootError)) throw error;
    expectEqual(error.code === "malformed_frame" ? "malformed" : "invalid", expected);
  }
}

function checkBucket(vector: VectorCase): void {
  const limiter = new ContentLimiter(decodeJson(policyCodec, hexField(vector, "policy_json")));
  let nowMs = unixMs(1_700_000_000_000);
  for (const [at, op] of objectListField(vector, "ops").entries()) {
    nowMs = later(nowMs, numberField(op, "advance_ms"));
    const refusal = limiter.spend(`${numberField(op, "author")}`, numberField(op, "bytes"), nowMs);
    expectEqual(`op ${at}: ${refusal === undefined}`, `op ${at}: ${booleanField(op, "allowed")}`);
  }
}

function outcomeOf<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
}
