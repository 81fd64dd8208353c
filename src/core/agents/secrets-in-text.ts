import { firstLink } from "../admission/secrets.ts";

/** Something in a text that looks like a secret. */
export interface FoundSecret {
  /** What it looks like, in words. */
  readonly pattern: string;
  /** Where it begins, in UTF-16 units. */
  readonly at: number;
}

/**
 * Ours, from the forms that the issuers document. Each begins with letters that only such a key has, so that words and ids are not
 * taken for one; a key without such a form is not found.
 */
const PATTERNS: readonly (readonly [pattern: string, form: RegExp])[] = [
  ["a private key", /-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g],
  ["an Anthropic API key", /\bsk-ant-[a-z0-9]{2,16}-[\w-]{20,}/g],
  ["an OpenAI API key", /\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9][\w-]{30,}/g],
  ["a GitHub token", /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40})/g],
  ["a GitLab token", /\bgl(?:pat|dt|rt|ptt|oas)-[\w-]{20}/g],
  ["an npm token", /\bnpm_[A-Za-z0-9]{36}/g],
  ["a PyPI token", /\bpypi-AgE[\w-]{40}/g],
  ["a Hugging Face token", /\bhf_[A-Za-z]{34}/g],
  ["an AWS access key", /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/g],
  ["a Google API key", /\bAIza[\w-]{35}/g],
  ["a Google OAuth token", /\bya29\.[\w-]{20,}/g],
  ["a Slack token", /\bxox[abeoprs]-[\w-]{10,}|\bxapp-\d-[\w-]{10,}/g],
  ["a Slack webhook", /hooks\.slack\.com\/services\/T\w{6,}\/B\w{6,}\/\w{20,}/g],
  ["a Discord webhook", /discord(?:app)?\.com\/api\/webhooks\/\d{16,}\/[\w-]{40,}/g],
  ["a Telegram bot token", /\b\d{8,10}:AA[\w-]{33}/g],
  ["a Stripe key", /\b[rs]k_live_[A-Za-z0-9]{20,}/g],
  ["a SendGrid key", /\bSG\.[\w-]{20,24}\.[\w-]{39,50}/g],
  ["a DigitalOcean token", /\bdo[oprt]_v1_[a-f0-9]{64}/g],
  ["a webhook secret", /\bwhsec_[A-Za-z0-9+/=]{24,}/g],
  ["a signed token (JWT)", /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/g],
  ["a password in an address", /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/?#@"'<>]{1,64}:[^\s/?#@"'<>]{3,128}@[\w.-]/g],
];

/** Ours. What is found after that many is not worth saying. */
const FOUND_MAX = 8;

/**
 * What of `text` looks like a secret, in its order: for whoever is about to publish it, which cannot be taken back. No proof
 * that there is none.
 */
export function secretsIn(text: string): readonly FoundSecret[] {
  const found = PATTERNS.flatMap(([pattern, form]) =>
    Array.from(text.matchAll(form).take(FOUND_MAX), ({ index }) => ({ pattern, at: index })),
  );
  const link = firstLink(text);
  if (link !== undefined) found.push({ pattern: "an Entmoot link", at: link });
  return found.sort((one, other) => one.at - other.at).slice(0, FOUND_MAX);
}
