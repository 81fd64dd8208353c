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
import { type Figure, timeMs } from "./figure.ts";
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
  const best = { web: Number.POSITIVE_INFINITY, node: Number.POSITIVE_INFINITY, ingest: Number.POSITIVE_INFINITY };
  const note = (what: keyof typeof best, ms: number) => {
    best[what] = Math.min(best[what], ms);
  };
  for (let round = 1; round <= ROUNDS; round++) {
    say(`verifying bare and taking in, round ${round} of ${ROUNDS}`);
    note("web", await timeMs(() => raw.webCrypto()));
    note("ingest", await takeIn(corpus, frames));
    note("node", await timeMs(() => raw.nodeCrypto()));
  }
  const perSecond = (ms: number) => (MESSAGES / ms) * 1000;
  const bare = Math.max(perSecond(best.web), perSecond(best.node));
  const basis = `0.75 × bare verification on the same cores, ${Math.round(bare)}/s (one thread: ${Math.round(perSecond(best.node))}/s)`;
  const measured = perSecond(best.ingest);
  return [
    {
      name: "ingest: messages read, verified, stored",
      unit: "/s",
      measured,
      limit: 0.75 * bare,
      better: "higher",
      basis,
    },
    {
      name: "ingest: share of bare verification",
      unit: "×",
      measured: measured / bare,
      limit: 0.75,
      better: "higher",
      basis: "fixed; 0.90 is the aim",
    },
  ];
}

/** Milliseconds from the first byte to the last commit, in a fresh data root. */
async function takeIn(corpus: Corpus, frames: readonly Uint8Array[]): Promise<number> {
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
      policy: new GroupPolicy(store),
      writer: new BatchWriter(messages, () => {}),
      clock: realClock,
    });
    const elapsedMs = await timeMs(async () => {
      const waiting = frames.values();
      const stream = async () => {
        for (const bytes of waiting) {
          const reader = new FrameReader(peerLimits("entmoot/1"));
          reader.push(bytes);
          const { type, body } = reader.next()!;
          const frame = decodeFrame(type, body, "entmoot/1");
          if (frame.kind !== "push") throw new Error(`expected a push frame, found ${frame.kind}`);
          await ingest.take(frame.messages, { rated: true });
        }
      };
      await Promise.all(Array.from({ length: STREAMS }, stream));
    });
    if (messages.size !== corpus.messages.length)
      throw new Error(`stored ${messages.size} of ${corpus.messages.length}`);
    return elapsedMs;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
