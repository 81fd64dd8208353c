/**
 * Cases whose recorded outcome is a weakness of the original that this implementation does not
 * share, by `<subject>/<case name>`. Such a case must come out exactly as `outcome` says.
 */
export const DEVIATIONS: Readonly<Record<string, Deviation>> = {};

export interface Deviation {
  /** Why ours is right. */
  readonly reason: string;
  /** What the check finds instead of what the vector records. */
  readonly outcome: string;
}
