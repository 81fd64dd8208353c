import { expect } from "bun:test";
import { join } from "node:path";
import { missingHost } from "../../../scripts/hosts/install.ts";
import type { DaemonNode } from "../../support/daemon.ts";
import { eventually } from "../../support/eventually.ts";
import { testWhere } from "../../support/needs.ts";
import { inNetns } from "../../support/netns.ts";
import { isWhole } from "../host-facts.ts";
import { type HostMoot, hostMoot, stateOf } from "../host-moot.ts";
import { WOKEN_HOSTS, type WokenHostName } from "../woken-hosts.ts";
import { MortalHost } from "./mortal-host.ts";
import { STEPS, type Step, StepDoor } from "./step-door.ts";

/** Replay with `SEED=<n> npm test -- test/hosts/kill`; the number is in the titles. */
const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const HOSTS = ["claude", "claude-monitor", "codex", "opencode"] as const;
const VICTIMS = ["host", "bridge", "daemon"] as const;
type Victim = (typeof VICTIMS)[number];

const KILLS = HOSTS.flatMap((host) => VICTIMS.flatMap((victim) => STEPS.map((step) => ({ host, victim, step }))));

// All of them take a quarter of an hour: the soak does it, and each run of the tests takes one.
inNetns(import.meta, () => {
  for (const kill of isWhole ? KILLS : [KILLS[SEED % KILLS.length]!]) {
    const { host, step, victim } = kill;
    const title = `${host}: its ${victim} is killed while a message is ${step}: no loss and no second turn`;
    const missing = missingHost(host === "claude-monitor" ? "claude" : host) ?? missingHost("screen");
    testWhere(missing, isWhole ? title : `${title} (SEED=${SEED})`, () => killAt(kill));
  }
});

interface Kill {
  readonly host: WokenHostName;
  readonly victim: Victim;
  readonly step: Step;
}

async function killAt({ host: name, step, victim }: Kill) {
  let door: StepDoor | undefined;
  await using moot = await hostMoot((model, { data }) =>
    WOKEN_HOSTS[name].home(model, ({ path }) => {
      const socket = join(path, "agent.sock");
      door = new StepDoor(socket, join(data, "agent.sock"));
      return { ENTMOOT_AGENT_SOCKET: socket };
    }),
  );
  using stepDoor = door!;
  const { elm, home, model, say } = moot;
  await using host = new MortalHost(name, home);
  await host.start();
  const held = step === "queued" ? undefined : model.hold("only once, please");
  const { message_id } = await arrivesAt(step, { ...moot, door: stepDoor });
  await strike(victim, host, elm);
  held?.release();
  stepDoor.open();
  if (victim === "daemon") await elm.serve("-hostname", "elm");
  else {
    // Of a host that lost its bridge its user starts another.
    if (victim === "bridge") await host.quit();
    await host.start();
  }
  await arrives(elm, message_id, "read");
  // Whatever would be handed over a second time has been once this is read.
  const next = await say("and now this");
  await arrives(elm, next.message_id, "read");
  for (const words of ["only once, please", "and now this"]) {
    // A host may have it on record before it asks its model.
    expect(await model.saw(words)).toMatchObject({ turns: 1, times: 1 });
  }
}

/** Resolves once the ledger of `node` says so. */
async function arrives(node: DaemonNode, messageId: string, state: string): Promise<void> {
  await eventually(`${state} in the ledger`, async () => {
    const found = await stateOf(node, messageId);
    if (found === state) return true;
    throw new Error(found);
  });
}

interface Scene extends HostMoot {
  readonly door: StepDoor;
}

/** Resolves once a message stands at `step`, where it stays. */
async function arrivesAt(step: Step, { door, elm, model, say }: Scene) {
  if (step === "queued") door.shut();
  const reached = step === "queued" || step === "read" ? undefined : door.stopAt(step);
  const said = await say("only once, please");
  await reached;
  if (step !== "queued" && step !== "claimed" && step !== "handed") await model.saw("only once, please");
  await arrives(elm, said.message_id, step === "given" ? "handed" : step === "delivered" ? "read" : step);
  return said;
}

async function strike(victim: Victim, host: MortalHost, elm: DaemonNode): Promise<void> {
  if (victim === "host") await host.kill();
  else if (victim === "bridge") await host.killBridges();
  else await elm.kill();
}
