import { GroupId } from "../src/core/ids.ts";
import { publish } from "../src/node/operations/messages.ts";
import { BenchDaemon } from "./daemon.ts";
import type { Figure } from "./figure.ts";
import { programs } from "./programs.ts";

/** Ours. How long a daemon is left alone before its memory is read. */
const SETTLE_MS = 10_000;

/** Messages that pass through before the second look. */
const MESSAGES = 5_000;

/** Anonymous memory of a daemon with one group and iroh up: as started, and after some work. */
export async function idleMemory(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  await using daemon = await BenchDaemon.start(compiled);
  const groupId = GroupId.fromBytes(Uint8Array.fromBase64(daemon.createGroup()));
  say(`leaving a daemon alone for ${SETTLE_MS / 1000} s`);
  await Bun.sleep(SETTLE_MS);
  const fresh = daemon.memory("RssAnon");

  say(`publishing ${MESSAGES} messages, then leaving it alone again`);
  await using client = await daemon.client();
  const content = new Uint8Array(300);
  for (let n = 0; n < MESSAGES; n += 50) {
    await Promise.all(
      Array.from({ length: 50 }, () => client.call(publish, { group_id: groupId, topics: ["bench"], content })),
    );
  }
  await Bun.sleep(SETTLE_MS);
  const worked = daemon.memory("RssAnon");

  const figure = (name: string, bytes: number): Figure => ({
    name: `idle daemon, anonymous memory: ${name}`,
    unit: "MB",
    measured: bytes / 1e6,
    limit: 30,
    better: "lower",
    basis: "fixed; one group, iroh up",
  });
  return [figure("as started", fresh), figure(`after ${MESSAGES.toLocaleString("en")} messages`, worked)];
}
