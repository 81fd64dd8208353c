/** One measured number beside the limit that was measured in the same run, so that results compare across machines. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly measured: number;
  /** `undefined`: shown for its own sake, held against nothing. */
  readonly limit: number | undefined;
  /** Whether `measured` must stay at or under `limit`, or reach it. */
  readonly better: "lower" | "higher";
  /** Where the limit comes from, such as `2 × an empty compiled program, 4.9 ms`. */
  readonly basis: string;
}

/** Measures one subject; several figures may come of it. */
export type Measure = (say: (progress: string) => void) => Promise<readonly Figure[]>;

/** Whether the figure keeps its limit. */
export function keeps({ measured, limit, better }: Figure): boolean {
  if (limit === undefined) return true;
  return better === "lower" ? measured <= limit : measured >= limit;
}

/** The value below which half of `samples` lie. `samples` may be in any order and must not be empty. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** The value below which a share `q` of `samples` lie. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;
}

/** Milliseconds that `work` takes. */
export async function timeMs(work: () => unknown): Promise<number> {
  const started = Bun.nanoseconds();
  await work();
  return (Bun.nanoseconds() - started) / 1e6;
}

/** What a piece of work took, in milliseconds. */
export interface Took {
  readonly wallMs: number;
  /** Of the processors, by every thread of this process: other work on the machine hardly moves it. */
  readonly processorMs: number;
}

/** What `work` takes. */
export async function took(work: () => unknown): Promise<Took> {
  const before = process.cpuUsage();
  const wallMs = await timeMs(work);
  const { system, user } = process.cpuUsage(before);
  return { wallMs, processorMs: (system + user) / 1000 };
}
