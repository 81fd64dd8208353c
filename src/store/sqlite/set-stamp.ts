/**
 * What the set of held messages was at one instant; two equal stamps mean equal sets. Numbers given out and prunings only
 * grow, and so do messages let in again, which is what the three of them say together.
 */
export interface SetStamp {
  readonly seq: number;
  /** Ever, whether let in again or not. */
  readonly pruned: number;
  readonly held: number;
  /** Ever set apart, whether they have a place in the log by now or not. */
  readonly apart: number;
}

export function sameStamp(a: SetStamp, b: SetStamp): boolean {
  return a.seq === b.seq && a.pruned === b.pruned && a.held === b.held && a.apart === b.apart;
}
