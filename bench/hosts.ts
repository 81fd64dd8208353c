import { join } from "node:path";
import { missingHost } from "../scripts/hosts/install.ts";
import { isIsolated } from "../scripts/netns.ts";
import { ControlClient } from "../src/control/control-client.ts";
import { GroupId } from "../src/core/ids.ts";
import { realClock } from "../src/host/real-clock.ts";
import { publish } from "../src/node/operations/messages.ts";
import { AttachedHost, HOST_TITLES, type WakeableHost } from "../test/hosts/attached-host.ts";
import { StubModel } from "../test/hosts/stub/stub-model.ts";
import { DaemonNode, eventually } from "../test/support/daemon.ts";
import { type Figure, quantile } from "./figure.ts";
import { temporaryDirectory } from "./programs.ts";
import { Watcher } from "./watcher.ts";

/** Ours. Messages to each: thirty an hour from all is what an agent is woken by, its test message among them. */
const MESSAGES = 20;
/** Ours. Ten a minute from one author wake an agent. */
const ROUND_MS = 6_500;
const HOSTS: readonly WakeableHost[] = ["claude", "codex", "opencode"];

/** Ours. What a person does not take for a pause. */
const LIMIT_MS = { p50: 1_000, p99: 3_000 } as const;

/** From a message that is stored at its sender's node to the request at the model of an idle host, each unmodified. */
export async function hosts(say: (progress: string) => void): Promise<readonly Figure[]> {
  const screen = missingHost("screen") ?? (isIsolated() ? undefined : "needs a network namespace");
  const missing = HOSTS.map((host) => ({ host, why: missingHost(host) ?? screen }));
  for (const { host, why } of missing) if (why !== undefined) say(`${HOST_TITLES[host]} is left out: ${why}`);
  const here = missing.filter(({ why }) => why === undefined).map(({ host }) => host);
  if (here.length === 0) return [];

  await using stack = new AsyncDisposableStack();
  const model = stack.use(new StubModel());
  const main = stack.use(new DaemonNode(temporaryDirectory(), "main"));
  await main.serve();
  const measured = [];
  for (const host of here) {
    say(`${HOST_TITLES[host]} is attached and started`);
    const attached = stack.use(await AttachedHost.attach(main, host, host, model));
    await attached.start();
    await attached.isIdle();
    const groupId = GroupId.fromBytes(Uint8Array.fromBase64(attached.groupId));
    const voice = stack.use((await ControlClient.connect(join(main.data, "voices", host), realClock))!);
    const watcher = stack.use(await Watcher.start(voice, groupId));
    measured.push({ attached, groupId, watcher, visible: [] as number[], asked: [] as number[] });
  }
  const sender = stack.use(await main.client());
  // Nothing waits for a host once it has taken its first message; it may be at work on that, and on its own start, for long.
  for (let round = 0; round <= MESSAGES; round++) {
    say(round === 0 ? "a first message to each" : `message ${round} of ${MESSAGES} to each`);
    for (const { asked, attached, groupId, visible, watcher } of measured) {
      const words = `message ${round} for ${attached.name}.`;
      const content = new TextEncoder().encode(`@${attached.nodeId} ${words}`);
      const { message_id } = await sender.call(publish, { group_id: groupId, topics: ["chat"], content });
      const stored = performance.now();
      const seen = await watcher.sees(message_id);
      const request = await eventually(`a request of ${attached.name}`, () =>
        model.turns.find(({ newest }) => newest.some(({ text }) => text.includes(words))),
      );
      if (round > 0) {
        visible.push(seen - stored);
        asked.push(request.atMs - stored);
      }
      await Bun.sleep(ROUND_MS / measured.length);
    }
  }
  return measured.flatMap(({ asked, attached, visible }) => {
    const bare = (q: number) => `${quantile(visible, q).toFixed(1)} ms to be visible at its node`;
    const figure = (q: 0.5 | 0.99): Figure => ({
      name: `stored to the request of ${HOST_TITLES[attached.host]}, idle, p${q * 100}`,
      unit: "ms",
      measured: quantile(asked, q),
      limit: q === 0.5 ? LIMIT_MS.p50 : LIMIT_MS.p99,
      better: "lower",
      basis: `fixed; of ${MESSAGES}, ${bare(q)}`,
    });
    return [figure(0.5), figure(0.99)];
  });
}
