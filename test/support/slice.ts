import { SeededRandom } from "../../src/machine/random.ts";

/** Which of the cases of long tests are run, drawn anew for each run; `SEED=<n>` draws the same again. */
const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);

/** `count` of `cases`, in their order, other ones each time; all of them with `SOAK`. What failed is named by its own title. */
export function sliceOf<Case>(cases: readonly Case[], count: number): readonly Case[] {
  if (process.env.SOAK !== undefined) return cases;
  const random = new SeededRandom(SEED);
  const left = cases.map((_, at) => at);
  const drawn = new Set<number>();
  while (drawn.size < count && left.length > 0) {
    drawn.add(left.splice(Math.floor(random.next() * left.length), 1)[0]!);
  }
  return cases.filter((_, at) => drawn.has(at));
}
