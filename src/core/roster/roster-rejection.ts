/** The check an entry fails first. */
export type RosterRejection =
  | "non_empty_log"
  | "genesis_op"
  | "genesis_parents"
  | "genesis_actor"
  | "genesis_no_key"
  | "empty_log"
  | "invalid_op"
  | "not_founder"
  | "bad_id"
  | "bad_signature"
  | "timestamp_not_greater"
  | "bad_parent";

const REASONS: Readonly<Record<RosterRejection, string>> = {
  non_empty_log: "a genesis is only taken by an empty log",
  genesis_op: 'the genesis has another op than "add"',
  genesis_parents: "the genesis has parents",
  genesis_actor: "the genesis was not made by its own subject",
  genesis_no_key: "the subject of the genesis has no key",
  empty_log: "an empty log takes nothing but a genesis",
  invalid_op: "op is none of add, remove, policy_change",
  not_founder: "the actor is not the founder",
  bad_id: "the id is not the hash of the entry",
  bad_signature: "the signature is not the founder's",
  timestamp_not_greater: "the timestamp is not later than the entry's before",
  bad_parent: "the parents are not exactly the entry before",
};

/** For people: what was wrong with the entry, without subject or full stop. */
export function explainRejection(rejection: RosterRejection): string {
  return REASONS[rejection];
}
