import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { missingTool, testWhere } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { sliceOf } from "../support/slice.ts";
import { FakeFeed, fakeBinary } from "./fake-feed.ts";
import { countOf, PATH_MARK, Sandbox, SCRIPT, SHELLS } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl");

/** Everything that changes something on the disk, or that is waited for. */
const STEPS =
  "cat chmod cp curl cut dirname grep gzip head ln mkdir mkfifo mv openssl rm rmdir sha256sum sync tail tar timeout uname wc";

/**
 * Puts a stand-in before each of `STEPS`: it counts, and at the step numbered `FAKE_AT` ends the script with
 * `FAKE_SIGNAL`, before its work or after it.
 */
function standIns(box: Sandbox): string {
  for (const tool of STEPS.split(" ")) {
    const real = Bun.which(tool)!;
    box.write(
      `steps/${tool}`,
      `#!/bin/sh
echo >>"$FAKE_COUNT"
at=$(/usr/bin/env wc -l <"$FAKE_COUNT" 2>/dev/null)
if [ "$FAKE_WHEN" = before ] && [ "$at" -eq "$FAKE_AT" ]; then kill -"$FAKE_SIGNAL" "$FAKE_PID"; [ "$FAKE_SIGNAL" = KILL ] && exit 1; fi
${real} "$@"
status=$?
if [ "$FAKE_WHEN" = after ] && [ "$at" -eq "$FAKE_AT" ]; then kill -"$FAKE_SIGNAL" "$FAKE_PID"; fi
exit $status
`.replace("/usr/bin/env wc", Bun.which("wc")!),
    );
    Bun.spawnSync(["chmod", "755", join(box.home, `steps/${tool}`)]);
  }
  return join(box.home, "steps");
}

interface Cut {
  readonly shell: readonly string[];
  readonly steps: string;
  readonly at: number;
  readonly when: "before" | "after";
  readonly signal: string;
}

/** One run of the script that is ended at a step; how many steps it came to. */
async function cutRun(box: Sandbox, { shell, steps, at, when, signal }: Cut): Promise<number> {
  const count = join(box.path, "count");
  await Bun.write(count, "");
  const env = {
    ...box.env,
    PATH: `${steps}:${process.env.PATH}`,
    FAKE_COUNT: count,
    FAKE_AT: String(at),
    FAKE_WHEN: when,
    FAKE_SIGNAL: signal,
  };
  const command = ["sh", "-c", 'FAKE_PID=$$ exec "$@"', "sh", ...shell, SCRIPT];
  await using program = new Program(command, { env, cwd: box.path });
  await program.ended();
  return countOf("\n", readFileSync(count, "utf8"));
}

/** What a whole installation has beside the binary. */
function expectWhole(box: Sandbox): void {
  expect(existsSync(box.alias)).toBe(true);
  expect(existsSync(join(box.installDir, "entmoot"))).toBe(true);
  expect(box.read(".entmoot/runtime.env")).toContain("export ENTMOOT_DATA");
  expect(countOf(PATH_MARK, box.read(".bashrc"))).toBe(1);
}

/** A run is cut at some forty steps, a part of them in each test: a script that starts programs waits for each its turn. */
const PARTS = [1, 2, 3, 4, 5, 6] as const;
/** Of the parts of each test, how many are run each time. */
const PARTS_RUN = 2;

/**
 * Every step of the second half, where things are put in place, and some of the first; of these a part, and the very last
 * one, which finds everything done.
 */
function pointsOf(total: number, part: (typeof PARTS)[number]): number[] {
  const all = Array.from({ length: total }, (_, at) => at + 1).filter((at) => at > total - 25 || at % 9 === 0);
  return all.filter((at, index) => index % PARTS.length === part - 1 || at === total);
}

for (const shell of SHELLS) {
  // What differs between the two is half-written output, not the shell; one of each is enough.
  const when = shell[0] === "dash" ? "before" : "after";
  for (const part of sliceOf(PARTS, PARTS_RUN)) {
    testWhere(
      needs ?? missingTool(shell[0]!),
      `${shell.join(" ")}: killed ${when} any step, it leaves nothing or a whole installation (${part} of ${PARTS.length})`,
      async () => {
        using feed = new FakeFeed();
        feed.publish({ version: "v1.0.0", serial: 10 });
        using counted = new Sandbox(feed);
        const total = await cutRun(counted, { shell, steps: standIns(counted), at: 0, when, signal: "KILL" });
        expect(total).toBeGreaterThan(40);
        expect(await counted.version()).toBe("v1.0.0");
        let whole = 0;
        const points = pointsOf(total, part);
        for (const at of points) {
          using box = new Sandbox(feed);
          await cutRun(box, { shell, steps: standIns(box), at, when, signal: "KILL" });
          const version = await box.version();
          if (version !== undefined) {
            expect([at, version]).toEqual([at, "v1.0.0"]);
            expectWhole(box);
            whole++;
          }
          await box.install([], { shell });
          expectWhole(box);
          expect([at, readdirSync(join(box.installDir, "bin")).filter((name) => name.startsWith(".install"))]).toEqual([
            at,
            [],
          ]);
        }
        expect(whole).toBeGreaterThan(0);
        expect(whole).toBeLessThan(points.length);
      },
    );
  }
}

/** Where v1.0.0 is installed and has been used. */
async function installedBefore(feed: FakeFeed): Promise<Sandbox> {
  const box = new Sandbox(feed);
  box.write("old", fakeBinary("v1.0.0").toString());
  await box.install([], { env: { ENTMOOTD_LOCAL_BIN: join(box.home, "old") } });
  box.write(".entmoot/identity.json", "secret");
  return box;
}

for (const part of sliceOf(PARTS, PARTS_RUN)) {
  testWhere(
    needs ?? missingTool("dash"),
    `killed at any step of an upgrade, the old version or the new one runs, and data is as it was (${part} of ${PARTS.length})`,
    async () => {
      const seen = new Set<string | undefined>();
      using feed = new FakeFeed();
      feed.publish({ version: "v2.0.0", serial: 20 });
      using counted = await installedBefore(feed);
      const run = { shell: ["dash"], when: "before", signal: "KILL" } as const;
      const total = await cutRun(counted, { ...run, steps: standIns(counted), at: 0 });
      for (const at of pointsOf(total, part)) {
        using box = await installedBefore(feed);
        await cutRun(box, { ...run, steps: standIns(box), at });
        const version = await box.version();
        expect(["v1.0.0", "v2.0.0"]).toContain(version!);
        seen.add(version);
        expectWhole(box);
        expect(box.read(".entmoot/identity.json")).toBe("secret");
      }
      expect([...seen].toSorted()).toEqual(["v1.0.0", "v2.0.0"]);
    },
  );
}

for (const signal of ["INT", "TERM", "HUP"]) {
  testWhere(needs ?? missingTool("dash"), `SIG${signal} while it fetches leaves nothing behind`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    for (const at of [3, 12, 24]) {
      using box = new Sandbox(feed);
      await cutRun(box, { shell: ["dash"], steps: standIns(box), at, when: "before", signal });
      expect([at, existsSync(box.installDir), readdirSync(box.temporary)]).toEqual([at, false, []]);
    }
  });
}
