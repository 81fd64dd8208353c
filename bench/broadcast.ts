import { World } from "../test/simulation/world.ts";
import type { Figure } from "./figure.ts";

const MEMBERS = 1_000;
const WARM_UP = 20;
const MESSAGES = 10;
const GAP_MS = 3_000;

/** Messages in a simulated group of a thousand that has settled: how many bodies travel beyond the one each needs. */
export async function broadcast(say: (progress: string) => void): Promise<readonly Figure[]> {
  say(`simulating ${MEMBERS} members`);
  const world = new World({ seed: 1, members: MEMBERS });
  world.runFor(20_000);
  for (let n = 0; n < WARM_UP; n++) {
    world.publish();
    world.runFor(GAP_MS);
  }
  world.traffic.reset();
  const ids = Array.from({ length: MESSAGES }, () => {
    const id = world.publish();
    world.runFor(GAP_MS);
    return id;
  });
  const deliveries = MESSAGES * (MEMBERS - 1);
  const reached = ids.reduce((sum, id) => sum + world.members.filter((member) => member.has(id)).length - 1, 0);
  const label = `simulated broadcast to ${MEMBERS.toLocaleString("en")} members`;
  const basis = "fixed; steady state, of the bodies that have to travel";
  return [
    {
      name: `${label}: redundancy`,
      unit: "×",
      measured: world.traffic.bodies / deliveries - 1,
      limit: 0.01,
      better: "lower",
      basis,
    },
    {
      name: `${label}: reached`,
      unit: "×",
      measured: reached / deliveries,
      limit: 1,
      better: "higher",
      basis: "fixed",
    },
  ];
}
