import { expect, test } from "bun:test";
import { seeds } from "./seeds.ts";
import { LIES, type Lie, World } from "./world.ts";

const MINUTE = 60_000;
const MESSAGES = 400;

/** How long a member that was away takes to catch up beside the founder and members that lie, in virtual time. */
function catchUpMs(seed: number, lies: readonly Lie[]): number {
  const liars = new Map(lies.map((lie, at) => [at + 2, lie]));
  const world = new World({ seed, members: 2 + lies.length, liars });
  const away = world.members[1]!;
  world.runFor(2_000);
  world.stop(away);
  for (let i = 0; i < MESSAGES; i++) world.publish(world.founder);
  world.runFor(5 * MINUTE);
  world.restart(away);
  return world.runUntil(() => away.size === MESSAGES, 30 * MINUTE);
}

for (const seed of seeds(4)) {
  const aloneMs = catchUpMs(seed, []);
  for (const lie of LIES) {
    for (const count of [1, 3, 6]) {
      const { length } = LIES;
      const lies = Array.from({ length: count }, (_, at) => (lie === "equal root" ? LIES[at % length]! : lie));
      test(`${count} members that lie (${new Set(lies).size > 1 ? "each otherwise" : lie}) hold up nobody (SEED=${seed})`, () => {
        const tookMs = catchUpMs(seed, lies);
        if (process.env.FIGURES) console.log(`${tookMs} ms beside ${count} × ${lie}, alone ${aloneMs}`);
        expect(tookMs).toBeLessThanOrEqual(2 * aloneMs + 8_000);
      });
    }
  }
}
