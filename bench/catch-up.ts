import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatIdentity } from "../src/core/identity.ts";
import { GroupId, MessageId } from "../src/core/ids.ts";
import { newMessage } from "../src/node/group/ingest.ts";
import { SqliteDataRoot } from "../src/store/sqlite/sqlite-data-root.ts";
import { encodeFrame } from "../src/wire/peer/frame.ts";
import { type Corpus, corpusOf, foundGroup, MESSAGE_BYTES } from "./corpus.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, timeMs } from "./figure.ts";
import { programs, temporaryDirectory } from "./programs.ts";
import { RawVerification } from "./raw-verification.ts";

const MESSAGES = 100_000;
/** Messages verified bare before and after, to compare with. */
const VERIFIED = 20_000;
const BATCH = 1_000;
const LOOK_EVERY_MS = 20;
const GIVE_UP_MS = 180_000;

/** A newcomer joins a group with a long history: how fast, in how much memory and in how many bytes it has it all. */
export async function catchUp(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  say(`signing ${MESSAGES} messages`);
  const corpus = corpusOf(MESSAGES);
  const raw = await RawVerification.of({ ...corpus, messages: corpus.messages.slice(0, VERIFIED) });
  await using holder = await BenchDaemon.start(compiled, rootWith(corpus));
  await using newcomer = await BenchDaemon.start(compiled);

  say("verifying bare");
  const verifyMs = [await timeMs(() => raw.webCrypto()), await timeMs(() => raw.nodeCrypto())];
  say(`catching up on ${MESSAGES} messages`);
  const bytesBefore = loopbackBytes();
  const tookMs = await timeMs(async () => {
    holder.admit(newcomer, GroupId.toBase64(corpus.groupId));
    await holds(newcomer, corpus);
  });
  const bytes = loopbackBytes() - bytesBefore;
  verifyMs.push(await timeMs(() => raw.webCrypto()));

  const bare = (VERIFIED / Math.min(...verifyMs)) * 1000;
  const original = originalBytes(corpus);
  const label = `catch-up of ${MESSAGES.toLocaleString("en")} messages of ${MESSAGE_BYTES} B`;
  return [
    {
      name: label,
      unit: "/s",
      measured: (MESSAGES / tookMs) * 1000,
      limit: 0.5 * bare,
      better: "higher",
      basis: `0.5 × bare verification on the same cores, ${Math.round(bare)}/s`,
    },
    {
      name: `${label}: peak memory`,
      unit: "MB",
      measured: newcomer.memory("VmHWM") / 1e6,
      limit: 250,
      better: "lower",
      basis: "fixed; resident, of the daemon that catches up",
    },
    {
      name: `${label}: bytes`,
      unit: "MB",
      measured: bytes / 1e6,
      limit: (0.8 * original) / 1e6,
      better: "lower",
      basis: `0.8 × the original's frames, ${(original / 1e6).toFixed(0)} MB; ours with QUIC and UDP`,
    },
  ];
}

/** A data root in which the corpus's author holds all of it. */
function rootWith(corpus: Corpus): string {
  const dir = temporaryDirectory();
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "identity.json"), formatIdentity(corpus.author), { mode: 0o600 });
  using root = SqliteDataRoot.open(dir, "write");
  const store = root.createGroup(corpus.groupId);
  foundGroup(store, corpus);
  for (let at = 0; at < corpus.messages.length; at += BATCH) {
    const batch = corpus.messages.slice(at, at + BATCH);
    store.messages.putMany(batch.map(({ message, canonical }) => newMessage(message, canonical)));
  }
  return dir;
}

/** Resolves once the daemon has stored the whole corpus. Looks into its database, which disturbs it least. */
async function holds(daemon: BenchDaemon, corpus: Corpus): Promise<void> {
  using root = SqliteDataRoot.open(daemon.dataDir, "read");
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    const size = root.openGroup(corpus.groupId)?.messages.size ?? 0;
    if (size === corpus.messages.length) return;
    if (performance.now() > giveUpAt) throw new Error(`caught up on ${size} of ${corpus.messages.length} messages`);
    await Bun.sleep(LOOK_EVERY_MS);
  }
}

/** What an original peer sends and is sent for the same: a list of ids, then a question and an answer for each. */
function originalBytes({ groupId: group_id, messages }: Corpus): number {
  const size = (frame: Parameters<typeof encodeFrame>[0]) => encodeFrame(frame, "pilot").length;
  const [empty, one] = [[], [MessageId.zero]].map((ids) => size({ kind: "range_resp", group_id, ids }));
  const ids = empty! + messages.length * (one! - empty! + 1);
  const { message } = messages.at(-1)!;
  const { id } = message;
  const each =
    size({ kind: "fetch_req", group_id, id }) + size({ kind: "fetch_resp", group_id, id, message, not_found: false });
  return ids + messages.length * each;
}

/** Bytes that passed the loopback interface of this network namespace. */
function loopbackBytes(): number {
  const line = /^\s*lo:\s*(\d+)/m.exec(readFileSync("/proc/net/dev", "utf8"));
  if (line === null) throw new Error("/proc/net/dev has no loopback");
  return Number(line[1]);
}
