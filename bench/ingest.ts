import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realClock } from "../src/host/real-clock.ts";
import { BatchWriter } from "../src/node/group/batch-writer.ts";
import { GroupPolicy } from "../src/node/group/group-policy.ts";
import { GroupRoster } from "../src/node/group/group-roster.ts";
import { Ingest } from "../src/node/group/ingest.ts";
import { SqliteDataRoot } from "../src/store/sqlite/sqlite-data-root.ts";
import { peerLimits } from "../src/wire/frame/frame-limits.ts";
import { FrameReader } from "../src/wire/frame/frame-reader.ts";
import { decodeFrame, encodeFrame } from "../src/wire/peer/frame.ts";
import { pushFrames } from "../src/wire/peer/push-frame.ts";
import { type Corpus, corpusOf, foundGroup } from "./corpus.ts";
import { type Figure, median, type Took, took } from "./figure.ts";
import { RawVerification } from "./raw-verification.ts";

const MESSAGES = 20_000;
const ROUNDS = 5;

/** Ours. Streams that bring messages at a time: as many as a daemon fetches by when it catches up. */
const STREAMS = 4;

/** Frames as they come from a peer, read, verified and stored with fsync, beside bare verification. */
export async function ingest(say: (progress: string) => void): Promise<readonly Figure[]> {
  say(`signing ${MESSAGES} messages`);
  const corpus = corpusOf(MESSAGES);
  const frames = [
    ...pushFrames(
      corpus.groupId,
      corpus.messages.map(({ canonical }) => canonical),
    ).frames,
  ].map((frame) => encodeFrame(frame, "entmoot/1"));
  const raw = await RawVerification.of(corpus);
  const rounds: Round[] = [];
  await takeIn(corpus, frames); // Both sides compile what they run often.
  await raw.webCrypto();
  for (let round = 1; round <= ROUNDS; round++) {
    say(`verifying bare and taking in, round ${round} of ${ROUNDS}`);
    const before = await took(() => raw.webCrypto());
    const ingested = await takeIn(corpus, frames);
    const after = await took(() => raw.webCrypto());
    const oneThread = await took(() => raw.nodeCrypto());
    rounds.push({ ingested, bare: faster(mean(before, after), oneThread), oneThread });
  }
  const perSecond = (ms: readonly number[]) => (MESSAGES / median(ms)) * 1000;
  const bare = perSecond(rounds.map((round) => round.bare.wallMs));
  const oneThread = perSecond(rounds.map((round) => round.oneThread.wallMs));
  const shares = rounds.map((round) => round.bare.wallMs / round.ingested.wallMs);
  const ofProcessors = rounds.map((round) => round.bare.processorMs / round.ingested.processorMs);
  return [
    {
      name: "ingest: messages read, verified, stored",
      unit: "/s",
      measured: perSecond(rounds.map((round) => round.ingested.wallMs)),
      limit: undefined,
      better: "higher",
      basis: `bare verification on the same cores: ${Math.round(bare)}/s (one thread: ${Math.round(oneThread)}/s)`,
    },
    share("ingest: share of bare verification", shares),
    share("ingest: share of bare verification, by processor time", ofProcessors),
  ];
}

/** What one round took; bare verification before and after the messages. */
interface Round {
  readonly ingested: Took;
  readonly bare: Took;
  readonly oneThread: Took;
}

function share(name: string, shares: readonly number[]): Figure {
  const range = `${Math.min(...shares).toFixed(2)} to ${Math.max(...shares).toFixed(2)}`;
  return {
    name,
    unit: "×",
    measured: median(shares),
    limit: 0.75,
    better: "higher",
    basis: `median of ${ROUNDS} rounds, ${range}; 0.90 is the aim`,
  };
}

function mean(a: Took, b: Took): Took {
  return { wallMs: (a.wallMs + b.wallMs) / 2, processorMs: (a.processorMs + b.processorMs) / 2 };
}

function faster(a: Took, b: Took): Took {
  return a.wallMs <= b.wallMs ? a : b;
}

/** From the first byte to the last commit, in a fresh data root. */
async function takeIn(corpus: Corpus, frames: readonly Uint8Array[]): Promise<Took> {
  const dir = mkdtempSync(join(tmpdir(), "entmoot-bench-"));
  try {
    using root = SqliteDataRoot.open(dir, "write");
    const store = root.createGroup(corpus.groupId);
    foundGroup(store, corpus);
    const { messages } = store;
    const ingest = new Ingest({
      groupId: corpus.groupId,
      messages,
      roster: new GroupRoster(store.roster),
      policy: new GroupPolicy(store, { founder: () => undefined, unix: () => realClock.unix() }),
      retention: { oldest: undefined, isTimeGood: false },
      writer: new BatchWriter(realClock, messages, () => {}),
      clock: realClock,
    });
    const spent = await took(async () => {
      const waiting = frames.values();
      const stream = async () => {
        for (const bytes of waiting) {
          const reader = new FrameReader(peerLimits("entmoot/1"));
          reader.push(bytes);
          const { type, body } = reader.next()!;
          const frame = decodeFrame(type, body, "entmoot/1");
          if (frame.kind !== "push") throw new Error(`expected a push frame, found ${frame.kind}`);
          await ingest.accept(frame.bodies, "push");
        }
      };
      await Promise.all(Array.from({ length: STREAMS }, stream));
    });
    if (messages.size !== corpus.messages.length)
      throw new Error(`stored ${messages.size} of ${corpus.messages.length}`);
    return spent;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
