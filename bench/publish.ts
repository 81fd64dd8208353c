import { GroupId } from "../src/core/ids.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, median } from "./figure.ts";
import { fsyncsPerSecond } from "./fsync-rate.ts";
import { programs } from "./programs.ts";

const CALLERS = 64;
const ROUNDS = 5;
const ROUND_MS = 1_500;

/** Messages acknowledged over the control socket of a compiled daemon: 64 callers at a time, and one alone. */
export async function publish(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  await using daemon = await BenchDaemon.start(compiled);
  const groupId = GroupId.fromBytes(Uint8Array.fromBase64(daemon.createGroup()));
  await rate(daemon, groupId, CALLERS, ROUND_MS); // Both sides compile what they run often.

  const many: number[] = [];
  const one: number[] = [];
  const fsyncs: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    say(`publishing, round ${round} of ${ROUNDS}`);
    fsyncs.push(fsyncsPerSecond(ROUND_MS / 3));
    many.push(await rate(daemon, groupId, CALLERS, ROUND_MS));
    one.push(await rate(daemon, groupId, 1, ROUND_MS));
  }
  const perSecond = median(fsyncs);
  const unit = "/s";
  const better = "higher";
  return [
    {
      name: "publish acknowledged, 64 callers",
      unit,
      measured: Math.max(...many),
      limit: 5_000,
      better,
      basis: `fixed; this disk: ${Math.round(perSecond)} fsyncs/s × 64 a batch`,
    },
    {
      name: "publish acknowledged, one caller",
      unit,
      measured: median(one),
      limit: 0.5 * perSecond,
      better,
      basis: `0.5 × fsyncs, ${Math.round(perSecond)}/s`,
    },
  ];
}

/** Messages acknowledged a second. */
async function rate(daemon: BenchDaemon, groupId: GroupId, callers: number, ms: number): Promise<number> {
  const content = new Uint8Array(64);
  const started = performance.now();
  let acknowledged = 0;
  const caller = async () => {
    await using client = await daemon.client();
    while (performance.now() - started < ms) {
      await client.publish({ groupId, topics: ["bench"], content });
      acknowledged++;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return (acknowledged / (performance.now() - started)) * 1000;
}
