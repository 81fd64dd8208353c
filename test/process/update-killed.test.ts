import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "../../src/machine/random.ts";
import { eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { FeedServer } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { council, NEW, OLD, TwoVersions } from "../support/two-versions.ts";
import { fingerprint, install } from "../support/updated-binaries.ts";

/** Replay with `SEED=<n>`; the number is in the title of the failure. */
const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const KILLS = 20;
const RESTART_KILLS = 8;

inNetns(import.meta, () => {
  let two: TwoVersions;
  beforeAll(async () => {
    two = await TwoVersions.build();
  });
  afterAll(() => two[Symbol.dispose]());

  test(`killed at ${KILLS} random points of an update, what is installed runs (SEED=${SEED})`, async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const { executable, node } = two.installIn(home.path, feed.url);
    await using a = node;
    const random = new SeededRandom(SEED);
    const startedMs = performance.now();
    await a.ask(["update", "-json"]);
    const wholeMs = performance.now() - startedMs;
    const seen = new Set<string>();
    for (let kill = 0; kill < KILLS; kill++) {
      // From the old one each time, with what the last kill left lying about.
      const spare = join(home.path, "spare");
      mkdirSync(spare, { recursive: true });
      renameSync(install(two.oldBinary, join(spare, String(kill))), executable);
      const update = a.spawn(["update", "-json"]);
      await Promise.race([Bun.sleep(random.between(0, Math.ceil(wholeMs))), update.ended(60_000)]);
      update.kill("SIGKILL");
      await update.ended();
      const { version } = await a.ask(["version"]);
      expect([OLD.version, NEW.version]).toContain(version);
      expect(fingerprint(executable)).toBe(fingerprint(version === OLD.version ? two.oldBinary : two.newBinary));
      seen.add(version);
    }
    expect(seen).toContain(OLD.version);
    // The next one cleans up and gets through.
    renameSync(install(two.oldBinary, join(home.path, "last")), executable);
    expect(await a.ask(["update", "-json"])).toMatchObject({ updated: true });
    const left = readdirSync(join(executable, "..")).sort();
    expect(left).toEqual([".entmoot-serial", ".entmoot-version", ".entmootd.lock", "entmootd", "entmootd.previous"]);
  });

  test(`killed at random points of an update with a restart, the daemon answers with all it had (SEED=${SEED})`, async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const { executable, node } = two.installIn(home.path, feed.url);
    await using a = node;
    await a.serve();
    const before = await council(a);
    const random = new SeededRandom(SEED);
    for (let kill = 0; kill < RESTART_KILLS; kill++) {
      const update = a.spawn(["update", "-restart", "-json"]);
      // The last steps take about as long as the download, and are what matters here.
      await update.said("checking the new executable");
      await Promise.race([Bun.sleep(random.between(0, 800)), update.ended()]);
      update.kill("SIGKILL");
      await update.ended();
      const info = await eventually("answers", async () => {
        const found = await a.ask(["info"]);
        return found.running ? found : undefined;
      });
      expect([OLD.version, NEW.version]).toContain(info.version);
      expect(info).toMatchObject({ pid: a.daemon.pid, groups: [before] });
      renameSync(install(two.oldBinary, join(home.path, `again-${kill}`)), executable);
    }
    expect(await a.ask(["update", "-restart", "-json"])).toMatchObject({
      updated: true,
      daemon: { pid: a.daemon.pid },
    });
    await a.end();
  });
});
