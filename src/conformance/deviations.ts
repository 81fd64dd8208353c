/**
 * Cases whose recorded outcome is a weakness of the original that this implementation does not
 * share, by `<subject>/<case name>`. Such a case must record `recorded` and come out exactly as `outcome` says.
 */
export const DEVIATIONS: Readonly<Record<string, Deviation>> = {
  "esp-auth/health/HEAD": {
    reason: "HEAD is answered as GET without its body",
    recorded: "405 method_not_allowed",
    outcome: "200 ",
  },
  "esp-auth/routing/OPTIONS": {
    reason: "OPTIONS says which methods there are",
    recorded: "405 method_not_allowed",
    outcome: "204 ",
  },
  "esp-auth/routing/capabilities absent": {
    reason: "the route was added to the original later",
    recorded: "404 not_found",
    outcome: "200 ",
  },
  "esp-auth/device/replay exactly 5 min later, same stamp": {
    reason: "a nonce counts as long as its stamp lies in the window",
    recorded: "200 ",
    outcome: "401 unauthorized",
  },
  "esp-auth/device/same request replayed after nonce expiry (quirk: accepted)": {
    reason: "a nonce counts as long as its stamp lies in the window",
    recorded: "200 ",
    outcome: "401 unauthorized",
  },
  "esp-auth/apns/outgoing 1": {
    reason: "a push about no moot names none",
    recorded:
      '{"aps":{"content-available":1},"group_id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","reason":"group_create","type":"sign_request"}',
    outcome: '{"aps":{"content-available":1},"reason":"group_create","type":"sign_request"}',
  },
  "esp-auth/mailbox/pull redelivers it": {
    reason: "cursors go by the delivery log: what was acknowledged is never shown again",
    recorded: "body.count: 1",
    outcome: "body.count: 0",
  },
  "esp-auth/mailbox/alias under the group": {
    reason: "cursors go by the delivery log: what was acknowledged is never shown again",
    recorded: "body.count: 1",
    outcome: "body.count: 0",
  },
  "identity/load/seed-of-another-key-accepted": {
    reason: "nothing signed with such a file would verify; the key pair is derived anew from its seed",
    recorded: "ok",
    outcome: "seed_mismatch",
  },
  "transport-ad/lww": {
    reason: "a sequence number of 2^63 or more would lock its author out of every later ad, so it is not stored",
    recorded: '{"at":8,"replaced":true,"error":false,"seq":"9223372036854775808"}',
    outcome: '{"at":8,"replaced":false,"error":false,"seq":"9223372036854775807"}',
  },
};

export interface Deviation {
  /** Why ours is right. */
  readonly reason: string;
  /** What the vector records there; with anything else it is another case. */
  readonly recorded: string;
  /** What the check finds instead of what the vector records. */
  readonly outcome: string;
}
