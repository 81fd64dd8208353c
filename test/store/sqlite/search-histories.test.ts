import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import type { MessageId } from "../../../src/core/ids.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import { decodeMessage } from "../../../src/core/record/message.ts";
import type { NewMessage } from "../../../src/store/group-store.ts";
import { indexTermsOf } from "../../../src/store/sqlite/search-terms.ts";
import { SqliteFile } from "../../../src/store/sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { SqliteMessageStore } from "../../../src/store/sqlite/sqlite-message-store.ts";
import { identity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const NOW = 1_700_000_000_000n;
const SPAN = 60;
const AUTHORS = [identity(2), identity(3), identity(4)] as const;
const OUTSIDER = PublicKey.fromBytes(AUTHORS[0].publicKey);
const WORDS = [
  "one",
  "Two",
  "naïve",
  "東京都",
  "ภาษาไทย",
  "İstanbul",
  "ß",
  "e\u0301",
  "v1.5",
  "𝒳",
  "\ud800",
  "x".repeat(90),
];
const TOPICS = [["chat"], ["chat", "news"], ["_entmoot/x"], ["_entmoot/x", "chat"], [], ["a/b", "a/c"]];

/** One moot's database, opened anew as often as wanted, with a disk that may be as full as wanted. */
class Disk implements Disposable {
  readonly #directory = new TemporaryDirectory();
  readonly #path = join(this.#directory.path, "moot.sqlite");
  #fullText = true;
  #open = this.#opened();

  get messages() {
    return this.#open.store.messages;
  }

  reopen(fullText: boolean): void {
    this.#open.store[Symbol.dispose]();
    this.#fullText = fullText;
    this.#open = this.#opened();
  }

  /** Parts of the index are merged, a little or all. */
  merge(pages: number): void {
    if (this.#fullText && this.messages.search.isIndexed)
      this.#open.file.exec(`INSERT INTO search_terms (search_terms, rank) VALUES ('merge', ${pages})`);
  }

  /** Runs `work` where only so many pages are free; whether there was room for it. */
  withRoom(pages: number, work: () => void): boolean {
    const { file } = this.#open;
    const [all] = file.prepare("PRAGMA page_count").row()!;
    file.exec(`PRAGMA max_page_count = ${Number(all) + pages}`);
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof EntmootError && error.code === "disk_full")) throw error;
      return false;
    } finally {
      if (file === this.#open.file) file.exec("PRAGMA max_page_count = 1073741823");
    }
  }

  /** How many messages the index has for each term. */
  terms(): Map<string, number> {
    using db = new Database(this.#path);
    db.run("INSERT INTO search_terms (search_terms) VALUES ('integrity-check')");
    db.run("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'search_terms', 'row')");
    return new Map(db.query("SELECT term, doc FROM vocabulary").values() as [string, number][]);
  }

  /** How many messages are counted of each topic. */
  counted(): Map<string, number> {
    const sql = "SELECT topic, (SELECT sum(messages) FROM hour_topics WHERE hour_topics.topic = number) FROM topics";
    return new Map(this.#open.file.prepare(sql).rows() as [string, number][]);
  }

  [Symbol.dispose](): void {
    this.#open.store[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }

  #opened() {
    const file = SqliteFile.open(this.#path, {
      label: "group database",
      migrations: GROUP_MIGRATIONS,
      access: "write",
    });
    const messages = new SqliteMessageStore(file, this.#fullText ? {} : { fullText: false });
    return { file, store: new SqliteGroupStore(GROUP, file, { messages }) };
  }
}

/** How many messages there are for each term and topic, from a look at each. */
function heldIn({ messages }: Disk) {
  const [terms, topics] = [new Map<string, number>(), new Map<string, number>()];
  const count = (counts: Map<string, number>, of: string) => counts.set(of, (counts.get(of) ?? 0) + 1);
  for (const { id } of messages.lengthsAfter(Number.MIN_SAFE_INTEGER, 100_000)) {
    const { author, content, topics: said } = decodeMessage(messages.get(id)!.canonical);
    for (const term of indexTermsOf({ author_node_id: author.pilot_node_id, content, topics: said }))
      count(terms, term);
    for (const topic of said) count(topics, topic);
  }
  return { terms, topics };
}

test(`the index has the terms of what is held and no other, whatever came, went, moved and failed (SEED=${SEED})`, () => {
  const random = randomOf(SEED);
  const below = (most: number) => Math.floor(random() * most);
  const pick = <T>(from: readonly T[]) => from[below(from.length)]!;
  using disk = new Disk();
  const said: NewMessage[] = [];
  const written = (): NewMessage => {
    const many = random() < 0.02 ? 9000 : 1 + below(5);
    const content = encodeUtf8(Array.from({ length: many }, (_, n) => (n < 5 ? pick(WORDS) : `w${n}`)).join(" "));
    const by = pick(AUTHORS);
    const timestamp = NOW + BigInt(below(SPAN));
    const parents = random() < 0.3 && said.length > 0 ? [pick(said).id] : [];
    const kept = keptMessage(message({ by, topics: pick(TOPICS), content, timestamp, parents }));
    if (by === AUTHORS[0] && random() < 0.5) return { ...kept, outsider: OUTSIDER };
    if (random() < 0.2) return { ...kept, ahead: { arrivedMs: NOW + BigInt(below(SPAN)), isSure: random() < 0.5 } };
    return kept;
  };
  const held = (): MessageId[] => disk.messages.lengthsAfter(Number.MIN_SAFE_INTEGER, 10_000).map(({ id }) => id);
  const steps: readonly (() => void)[] = [
    () => {
      const batch = Array.from({ length: 1 + below(20) }, written);
      said.push(...batch);
      disk.messages.putMany(batch);
    },
    // What went may come back, also where it was set apart or placed by its arrival before.
    () => {
      disk.messages.restoreFrom(random() < 0.5 ? NOW : undefined);
      if (said.length > 0) disk.messages.putMany(Array.from({ length: 8 }, () => pick(said)));
    },
    () => disk.messages.pruneBefore(NOW + BigInt(below(SPAN)), undefined, 1 + below(20)),
    () => {
      const all = held();
      if (all.length > 0) disk.messages.shed(Array.from({ length: 3 }, () => pick(all)));
    },
    () => disk.messages.settleAhead({ latest: NOW + BigInt(below(SPAN)), now: NOW + 40n }, 1 + below(64)),
    () => disk.messages.rejoin((key) => key === OUTSIDER, 1 + below(8)),
    () => disk.messages.search.index(),
    () => disk.messages.search.index(),
    () => disk.merge(pick([1, -1, 16, -200])),
    () => disk.reopen(random() < 0.9),
  ];
  let failed = 0;
  for (let round = 0; round < 8; round++) {
    for (let at = 0; at < 25; at++) {
      const step = pick(steps);
      if (random() < 0.6) step();
      else failed += disk.withRoom(below(2), step) ? 0 : 1;
    }
    disk.reopen(true);
    while (disk.messages.search.index());
    expect(disk.messages.search.progress()).toBeUndefined();
    const { terms, topics } = heldIn(disk);
    expect([failed, ...[...disk.terms()].sort()]).toEqual([failed, ...[...terms].sort()]);
    expect([failed, ...[...disk.counted()].sort()]).toEqual([failed, ...[...topics].sort()]);
  }
});

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
