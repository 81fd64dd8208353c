import { expect, test } from "bun:test";
import { MerkleRoot } from "../../src/core/ids.ts";
import { MACHINE_DEFAULTS as defaults } from "../../src/machine/machine-config.ts";
import { join, link_create } from "../../src/node/operations/invites.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { type Frame, peerLanguage, type UnknownExtension } from "../../src/wire/peer/frame.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";
import { nodeWithRawMember } from "../support/raw-member.ts";
import { statusQuestion } from "../support/status-question.ts";

const HOUR_MS = 3_600_000;

test("a member is asked for as many ids at once as the configuration says", async () => {
  await using it = await nodeWithRawMember({ parts: { config: { ...defaults, frame: { idsMax: 7 } } } });
  const asked = new Promise<Frame | UnknownExtension | undefined>((resolve) => {
    it.alice.transport.accept(async (stream) => {
      await using frames = new FramedStream(stream, peerLanguage(stream.dialect));
      const frame = await frames.read(AbortSignal.timeout(60_000));
      if (frame?.kind === "ids_req") resolve(frame);
    });
  });
  const merkle_root = MerkleRoot.fromBytes(new Uint8Array(32).fill(1));
  await it.alice.say(statusQuestion(it.group_id, { merkle_root, message_count: 1_000 }));
  expect(await asked).toMatchObject({ kind: "ids_req", limit: 7 });
});

test("a member is read as fast as the configuration says", async () => {
  const rateLimit = { ...defaults.rateLimit, framesPerSecond: 1, framesBurst: 1 };
  const clock = new ManualClock();
  await using it = await nodeWithRawMember({ clock, parts: { config: { ...defaults, rateLimit } } });
  const question = statusQuestion(it.group_id);
  expect(await it.alice.say(question)).toHaveLength(1);
  let isAnswered = false;
  const second = it.alice.say(question).finally(() => {
    isAnswered = true;
  });
  await passed(clock, 900);
  expect(isAnswered).toBeFalse();
  await until(async () => {
    await passed(clock, 100);
    return isAnswered;
  });
  expect(await second).toHaveLength(1);
});

test("the issuer of a link is asked again as soon as the configuration says", async () => {
  const network = new MemoryNetwork(new ManualClock());
  const clock = new ManualClock();
  const founder = await startNode(network, 1, { clock });
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const { link } = await founder.call(link_create, { group_id, uses: 0, valid_for_ms: 0 });
  await founder.close();
  const redeem = { waitFirstMs: HOUR_MS, waitMaxMs: HOUR_MS };
  await using alice = await startNode(network, 2, { clock, parts: { config: { ...defaults, redeem } } });
  const stages: string[] = [];
  const giveUp = new AbortController();
  const joining = alice.call(
    join,
    { input: link, timeout_ms: HOUR_MS },
    { signal: giveUp.signal, onEvent: ({ stage }) => void stages.push(stage) },
  );
  await until(() => stages.includes("waiting"));
  await passed(clock, HOUR_MS - 1);
  expect(stages).toEqual(["dialing", "waiting"]);
  giveUp.abort();
  await expect(joining).rejects.toThrow("stopped before it was done");
});

/** Lets time pass, and what falls due then come about. */
async function passed(clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
