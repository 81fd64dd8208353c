import { expect, test } from "bun:test";
import { AgentsWorld } from "./agents-world.ts";
import { seeds } from "./seeds.ts";

const MINUTE_MS = 60_000;
const STEPS = 40;

/** One thing that happens to a machine with several hosts in one voice. */
async function step(world: AgentsWorld): Promise<void> {
  const { random } = world;
  const bridge = random.pick(world.bridges);
  const what = random.between(0, 10);
  if (what < 3) return world.say();
  if (what === 3 || bridge === undefined) {
    world.start(random.pick(world.kinds)!);
    return;
  }
  switch (what) {
    case 4:
      return world.restartNode();
    case 5:
      world.kill(bridge, { andHost: true });
      // The same conversation again, as hosts go on with one.
      if (random.chance(0.5)) world.start(bridge.session.kind, bridge.session.agent);
      return;
    case 6:
      world.kill(bridge, { andHost: false });
      world.startBridge(bridge);
      return;
    case 7:
      // The one of before lives yet when its successor comes.
      return world.startBridge(bridge);
    case 8:
      return bridge.breakConnection();
    default:
      return world.pass(random.between(1, 20) * 500);
  }
}

for (const seed of seeds(6)) {
  test(`no message becomes two turns, and none is lost, whatever is killed when (SEED=${seed})`, async () => {
    await using world = await AgentsWorld.of(seed);
    for (const kind of world.kinds) world.start(kind);
    for (let n = 0; n < STEPS; n++) {
      await step(world);
      await world.pass(world.random.between(1, 12) * 250);
    }
    // Whoever had one in hand comes back in the end: one host of each kind and installation is there.
    for (const kind of world.kinds) world.start(kind);
    const waiting = await world.settle(90 * MINUTE_MS);
    // Whoever was given one and has said nothing of it yet.
    await world.pass(2 * MINUTE_MS);
    expect(world.said.length).toBeGreaterThan(0);
    const twice = world.said.filter((id) => world.turnsOf(id) > 1);
    expect(twice).toEqual([]);
    const unsaid = world.said.filter((id) => world.turnsOf(id) === 0);
    // What is not in a host waits for one, or for who pulls; all of it could be looked for here.
    expect(unsaid.filter((id) => !waiting.some(({ message_id }) => message_id === id))).toEqual([]);
    expect(waiting.map(({ state, held }) => held ?? state)).toEqual([]);
  });
}
