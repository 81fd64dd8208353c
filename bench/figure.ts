/** One measured number beside the limit that was measured in the same run, so that results compare across machines. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly measured: number;
  readonly limit: number;
  /** Whether `measured` must stay at or under `limit`, or reach it. */
  readonly better: "lower" | "higher";
  /** Where the limit comes from, such as `2 × an empty compiled program, 4.9 ms`. */
  readonly basis: string;
}

/** Measures one subject; several figures may come of it. */
export type Measurement = (say: (progress: string) => void) => Promise<readonly Figure[]>;

/** Whether the figure keeps its limit. */
export function keeps({ measured, limit, better }: Figure): boolean {
  return better === "lower" ? measured <= limit : measured >= limit;
}

/** The value below which half of `samples` lie. `samples` may be in any order and must not be empty. */
export function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}
