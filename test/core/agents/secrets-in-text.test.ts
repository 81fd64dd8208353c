import { expect, test } from "bun:test";
import { secretsIn } from "../../../src/core/agents/secrets-in-text.ts";

const A36 = "a1B2".repeat(9);

// Joined here, so that nothing in this file has the form of a real one.
const EACH: readonly (readonly [pattern: string, parts: readonly string[]])[] = [
  ["a private key", ["-----BEGIN ", "OPENSSH PRIVATE KEY-----"]],
  ["a private key", ["-----BEGIN ", "PRIVATE KEY-----"]],
  ["a private key", ["-----BEGIN PGP ", "PRIVATE KEY BLOCK-----"]],
  ["an Anthropic API key", ["sk-", "ant-api03-", "x".repeat(40)]],
  ["an OpenAI API key", ["sk-", "proj-", A36]],
  ["a GitHub token", ["gh", "p_", A36]],
  ["a GitHub token", ["github_", "pat_", "a".repeat(82)]],
  ["a GitLab token", ["glp", "at-", "x".repeat(20)]],
  ["an npm token", ["npm", "_", A36]],
  ["a Hugging Face token", ["hf", "_", "x".repeat(34)]],
  ["an AWS access key", ["AK", "IA", "ABCDEFGH234567AB"]],
  ["a Google API key", ["AI", "za", "x".repeat(35)]],
  ["a Slack token", ["xo", "xb-", "123456789012-abcdef"]],
  ["a Telegram bot token", ["123456789", ":AA", "x".repeat(33)]],
  ["a Stripe key", ["sk_", "live_", "x".repeat(24)]],
  ["a webhook secret", ["whs", "ec_", "x".repeat(32)]],
  ["a signed token (JWT)", ["eyJ", "x".repeat(20), ".eyJ", "y".repeat(20), ".", "z".repeat(20)]],
  ["a password in an address", ["postgres://me:", "hunter2", "@db.internal/x"]],
];

for (const [pattern, parts] of EACH) {
  test(`${pattern} is found in a sentence, by its name and place (${parts.length} parts)`, () => {
    const found = secretsIn(`here it is: ${parts.join("")} - keep it`);
    expect(found[0]).toEqual({ pattern, at: expect.any(Number) });
    expect(found[0]!.at).toBeGreaterThanOrEqual(12);
  });
}

test("words, ids, hashes, addresses and code are no secrets", () => {
  for (const text of [
    "",
    "sk-, ghp_, AKIA and eyJ are how some of them begin",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    `m4hC0Y${"x".repeat(38)}=`,
    "https://example.org:8443/path@v1.2 and mailto:me@example.org",
    "ssh://git@host/repo and postgres://db.internal/x",
    "task-force-one-hundred-and-twenty-three-thousand",
    `data:image/png;base64,${"iVBORw0KGgoAAAANSUhEUgAA".repeat(40)}`,
    "entmoot://join/ is how a link begins",
  ]) {
    expect(secretsIn(text)).toEqual([]);
  }
});

test("no more are told than anybody reads, in their order", () => {
  const one = ["AK", "IA", "ABCDEFGH234567AB"].join("");
  const found = secretsIn(`${one} `.repeat(100));
  expect(found).toHaveLength(8);
  expect(found.map(({ at }) => at)).toEqual(found.map((_, n) => n * (one.length + 1)));
});
