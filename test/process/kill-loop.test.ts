import { expect, test } from "bun:test";
import { killLoop } from "../../scripts/kill-loop.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Replay with `SEED=<n>`; moments are the seed's, what the system does in them is not. */
const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);

/** The long run is `npm run soak`. */
const ROUNDS = 6;
const TAKES_MS = 20_000;

inNetns(import.meta, () => {
  test(`no acknowledged message is lost however often a daemon is killed (SEED=${SEED})`, async () => {
    using home = new TemporaryDirectory();
    const over = performance.now() + TAKES_MS;
    const result = await killLoop({
      home: home.path,
      seed: SEED,
      rounds: ROUNDS,
      isOver: () => performance.now() > over,
      say: console.error,
    });
    expect(result.kills).toBeGreaterThan(0);
    expect(result.acknowledged).toBeGreaterThan(0);
  });
});
