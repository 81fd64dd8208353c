import { expect } from "bun:test";
import { join } from "node:path";
import { missingHost } from "../../../scripts/hosts/install.ts";
import type { DaemonNode } from "../../support/daemon.ts";
import { eventually } from "../../support/eventually.ts";
import { testWhere } from "../../support/needs.ts";
import { inNetns } from "../../support/netns.ts";
import { isWhole } from "../host-facts.ts";
import { type HostMoot, hostMoot, stateOf } from "../host-moot.ts";
import type { StubModel } from "../stub/stub-model.ts";
import { MortalHost, type MortalHostName, mortalHome } from "./mortal-host.ts";
import { STEPS, type Step, StepDoor } from "./step-door.ts";

/** Replay with `SEED=<n> npm test -- test/hosts/kill`; the number is in the titles. */
const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const HOSTS = ["claude", "codex", "opencode"] as const;
const VICTIMS = ["host", "bridge", "daemon"] as const;
type Victim = (typeof VICTIMS)[number];

// Of a host every victim at every step takes minutes: the soak does it, and each run of the tests takes one of them.
inNetns(import.meta, () => {
  for (const [n, host] of HOSTS.entries()) {
    const missing = missingHost(host) ?? missingHost("screen");
    const at = (SEED + 7 * n) % (VICTIMS.length * STEPS.length);
    for (const victim of isWhole ? VICTIMS : [VICTIMS[at % VICTIMS.length]!]) {
      const steps = isWhole ? STEPS : [STEPS[Math.floor(at / VICTIMS.length)]!];
      const what = `${host}: ${victim} killed at ${steps.join(", ")}`;
      testWhere(missing, `${what}: neither a loss nor a second turn (SEED=${SEED})`, () => killAt(host, victim, steps));
    }
  }
});

async function killAt(name: MortalHostName, victim: Victim, steps: readonly Step[]): Promise<void> {
  let door: StepDoor | undefined;
  await using moot = await hostMoot((model, { data }) =>
    mortalHome(name, model, ({ path }) => {
      const socket = join(path, "agent.sock");
      door = new StepDoor(socket, join(data, "agent.sock"));
      return socket;
    }),
  );
  using stepDoor = door!;
  const { elm, home, model, say } = moot;
  await using host = new MortalHost(name, home);
  for (const step of steps) {
    if (!host.isRunning) await host.start();
    const words = `said while it was ${step}`;
    const held = step === "queued" ? undefined : model.hold(words);
    const { message_id } = await arrivesAt(step, { ...moot, door: stepDoor, words });
    await strike(victim, host, elm);
    held?.release();
    stepDoor.open();
    if (victim === "daemon") await elm.serve("-hostname", "elm");
    else {
      // Of a host that lost its bridge its user starts another.
      if (victim === "bridge") await host.quit();
      await host.start();
    }
    await eventually(`${message_id} is done`, async () => {
      const state = await stateOf(elm, message_id);
      if (state === "read") return true;
      throw new Error(`${step}: ${state}`);
    });
    // Whatever would be handed over a second time has been once this is read.
    const after = `and after ${step}`;
    const next = await say(after);
    expect((await model.saw(after)).turns).toBe(1);
    await eventually("the next is read", async () => (await stateOf(elm, next.message_id)) === "read" || undefined);
    expect({ step, ...seen(model, words) }).toEqual({ step, turns: 1, times: 1 });
  }
}

interface Scene extends HostMoot {
  readonly door: StepDoor;
  readonly words: string;
}

/** Resolves once a message stands at `step`, where it stays. */
async function arrivesAt(step: Step, { door, elm, model, say, words }: Scene) {
  if (step === "queued") door.shut();
  const reached = step === "queued" || step === "read" ? undefined : door.stopAt(step);
  const said = await say(words);
  await reached;
  if (step !== "queued" && step !== "claimed" && step !== "handed") await model.saw(words);
  const state = step === "given" ? "handed" : step === "delivered" ? "read" : step;
  await eventually(`${state} in the ledger`, async () => {
    const found = await stateOf(elm, said.message_id);
    if (found === state) return true;
    throw new Error(found);
  });
  return said;
}

async function strike(victim: Victim, host: MortalHost, elm: DaemonNode): Promise<void> {
  if (victim === "host") await host.kill();
  else if (victim === "bridge") await host.killBridges();
  else await elm.kill();
}

function seen(model: StubModel, words: string) {
  const { times, turns } = model.seen(words);
  return { turns, times };
}
