import { BenchDaemon, memoryOf } from "./daemon.ts";
import { type Figure, median } from "./figure.ts";
import { programs } from "./programs.ts";

const VOICES = 10;
/** Ours. How long all are left alone before their memory is read. */
const SETTLE_MS = 15_000;
/** Ours. As an idle daemon may have. */
const EACH_MAX_MB = 30;

/** Voices of one data root, all in its local moot: what each takes at rest. */
export async function voices(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  await using daemon = await BenchDaemon.start(compiled);
  say(`${VOICES} voices start and join`);
  for (let n = 1; n <= VOICES; n++) daemon.run("voice", "add", `voice-${n}`);
  await Bun.sleep(SETTLE_MS);
  const { voices: rows } = daemon.run("voice", "list") as { voices: { pid: number }[] };
  const each = rows.map(({ pid }) => memoryOf(pid, "RssAnon") / 1e6);
  const sum = each.reduce((total, mb) => total + mb, 0);
  return [
    {
      name: `${VOICES} voices: anonymous memory of all`,
      unit: "MB",
      measured: sum,
      limit: VOICES * EACH_MAX_MB,
      better: "lower",
      basis: `fixed, ${EACH_MAX_MB} MB each; median ${median(each).toFixed(1)} MB, and the daemon above them ${(daemon.memory("RssAnon") / 1e6).toFixed(1)} MB`,
    },
  ];
}
