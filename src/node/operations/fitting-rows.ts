import { documented } from "../../core/json/json-codec.ts";
import { bool } from "../../core/json/json-scalars.ts";

/** Ours. Beside its rows an answer holds the moot and its keys, a few hundred bytes. */
const FRAME_BYTES = 1024;

/** For answers of many rows that others choose: what does not fit is left out and said, and nobody makes the answer fail. */
export const moreRows = documented("there are more, which this answer has no room for", bool);

/** What one answer holds. */
export interface Room<Row> {
  readonly rowsMax: number;
  /** The operation's `answerMax`. */
  readonly answerMax: number;
  /** The most that a row takes of it. */
  readonly bytesOf: (row: Row) => number;
}

/** The first of `rows`, as many as fit; what follows is not even made. */
export function fittingRows<Row>(
  rows: Iterable<Row>,
  { answerMax, bytesOf, rowsMax }: Room<Row>,
): { readonly rows: readonly Row[]; readonly more: boolean } {
  const fitting: Row[] = [];
  let left = answerMax - FRAME_BYTES;
  for (const row of rows) {
    left -= bytesOf(row);
    if (fitting.length === rowsMax || left < 0) return { rows: fitting, more: true };
    fitting.push(row);
  }
  return { rows: fitting, more: false };
}

/** The most that `text`, cut at `clippedAt` bytes, takes in JSON: each of its bytes may be one that is written as six. */
export function jsonTextMax(text: string, clippedAt: number): number {
  return 6 * Math.min(Buffer.byteLength(text), clippedAt) + 3;
}
