/**
 * Cases whose recorded outcome is a weakness of the original that this implementation does not
 * share, by `<subject>/<case name>`. Such a case must record `recorded` and come out exactly as `outcome` says.
 */
export const DEVIATIONS: Readonly<Record<string, Deviation>> = {
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
