import { createWriteStream, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PublicKey } from "../src/core/ids.ts";
import { createLog } from "../src/host/log.ts";
import { realClock } from "../src/host/real-clock.ts";
import { EntmootNode } from "../src/node/entmoot-node.ts";
import { newMessage } from "../src/node/group/ingest.ts";
import { moot_export, moot_import, verify } from "../src/node/operations/care.ts";
import { SqliteDataRoot } from "../src/store/sqlite/sqlite-data-root.ts";
import { MemoryNetwork } from "../src/transport/memory/memory-transport.ts";
import { type Corpus, corpusOf, foundGroup } from "./corpus.ts";
import { type Figure, median, type Took, took } from "./figure.ts";
import { LoopProbe } from "./loop-probe.ts";
import { temporaryDirectory } from "./programs.ts";
import { RawVerification } from "./raw-verification.ts";

const MESSAGES = 20_000;
const ROUNDS = 3;
/** Ours. Of bare verification on the same cores. */
const SHARE_MIN = 0.5;
/** Ours. Longer than that nobody who is served beside it waits. */
const LOOP_MAX_MS = 50;

/** A moot exported to a file, imported into an empty data root, and verified, beside bare verification. */
export async function archive(say: (progress: string) => void): Promise<readonly Figure[]> {
  say(`signing ${MESSAGES.toLocaleString("en")} messages`);
  const corpus = corpusOf(MESSAGES);
  const raw = await RawVerification.of(corpus);
  const folder = temporaryDirectory();
  const held = join(folder, "held");
  lay(corpus, held);
  const file = join(folder, "moot.entmoot");
  const rounds: Round[] = [];
  let loopMs = 0;
  await using node = await openNode(held, corpus);
  for (let round = 0; round <= ROUNDS; round++) {
    say(`exporting, importing and verifying, round ${round} of ${ROUNDS}`);
    const before = await took(() => raw.webCrypto());
    // It goes round with the loop all the time, which costs what else would be free.
    const isProbed = round === 0;
    const out = await exportTo(node, corpus, { file, isProbed });
    const into = join(folder, `into-${round}`);
    const taken = await importFrom(into, corpus, { file, isProbed });
    rmSync(into, { recursive: true });
    const checked = await took(() => node.call(verify, {}));
    const after = await took(() => raw.webCrypto());
    const bare = {
      wallMs: (before.wallMs + after.wallMs) / 2,
      processorMs: (before.processorMs + after.processorMs) / 2,
    };
    // The first one compiles what runs often.
    if (round === 0) loopMs = Math.max(out.loopMs, taken.loopMs);
    else rounds.push({ bare, out: out.took, taken: taken.took, checked });
  }
  return [
    ...figures("export", rounds, ({ out }) => out),
    ...figures("import", rounds, ({ taken }) => taken),
    ...figures("verify", rounds, ({ checked }) => checked),
    {
      name: "export and import: the longest that the loop is kept",
      unit: "ms",
      measured: loopMs,
      limit: LOOP_MAX_MS,
      better: "lower",
      basis: "of the processor, collections of garbage among it",
    },
  ];
}

interface Round {
  readonly bare: Took;
  readonly out: Took;
  readonly taken: Took;
  readonly checked: Took;
}

function figures(what: string, rounds: readonly Round[], of: (round: Round) => Took): Figure[] {
  const shares = rounds.map((round) => round.bare.wallMs / of(round).wallMs);
  const rate = (MESSAGES / median(rounds.map((round) => of(round).wallMs))) * 1000;
  const bare = (MESSAGES / median(rounds.map((round) => round.bare.wallMs))) * 1000;
  const ofProcessors = rounds.map((round) => round.bare.processorMs / of(round).processorMs);
  return [
    {
      name: `${what} of ${MESSAGES.toLocaleString("en")} messages: share of bare verification`,
      unit: "×",
      measured: median(shares),
      limit: SHARE_MIN,
      better: "higher",
      basis: `${Math.round(rate)}/s beside ${Math.round(bare)}/s on the same cores`,
    },
    {
      name: `${what}: share of bare verification, by processor time`,
      unit: "×",
      measured: median(ofProcessors),
      limit: SHARE_MIN,
      better: "higher",
      basis: "which other work on the machine hardly moves",
    },
  ];
}

function lay(corpus: Corpus, dataDir: string): void {
  mkdirSync(dataDir);
  using root = SqliteDataRoot.open(dataDir, "write");
  const store = root.createGroup(corpus.groupId);
  foundGroup(store, corpus);
  for (let at = 0; at < corpus.messages.length; at += 1024) {
    const piece = corpus.messages.slice(at, at + 1024);
    store.messages.putMany(piece.map(({ canonical, message }) => newMessage(message, canonical)));
  }
}

function openNode(dataDir: string, { author }: Corpus): Promise<EntmootNode> {
  return EntmootNode.open({
    root: SqliteDataRoot.open(dataDir, "write"),
    identity: author,
    identityPath: "(bench)",
    dataDir,
    transport: new MemoryNetwork(realClock).join(PublicKey.fromBytes(author.publicKey)),
    transportReason: "bench",
    transportPort: 0,
    listenPort: 1004,
    hostname: "",
    build: { version: "bench", commit: "none", date: "none" },
    log: createLog("error"),
    clock: realClock,
  });
}

interface Way {
  readonly file: string;
  readonly isProbed: boolean;
}

async function exportTo(node: EntmootNode, { groupId }: Corpus, { file, isProbed }: Way) {
  const out = createWriteStream(file);
  using probe = isProbed ? new LoopProbe() : undefined;
  const exported = await took(async () => {
    await node.call(moot_export, { group_id: groupId }, { onEvent: ({ chunk }) => void out.write(chunk) });
    await new Promise<void>((resolve) => out.end(resolve));
  });
  return { took: exported, loopMs: probe?.take() ?? 0 };
}

async function importFrom(dataDir: string, corpus: Corpus, { file: path, isProbed }: Way) {
  mkdirSync(dataDir);
  await using node = await openNode(dataDir, corpus);
  using probe = isProbed ? new LoopProbe() : undefined;
  const imported = await took(async () => {
    const { stored } = await node.call(moot_import, { path });
    if (stored !== MESSAGES) throw new Error(`import: expected ${MESSAGES} messages, stored ${stored}`);
  });
  return { took: imported, loopMs: probe?.take() ?? 0 };
}
