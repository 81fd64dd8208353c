import { Database } from "bun:sqlite";
import { rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { unixMs } from "../../src/core/clock.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { merkleRoot } from "../../src/core/order/merkle-tree.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { whenWritable } from "../../src/node/when-writable.ts";
import { DataRootLock } from "../../src/store/lock.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { SqliteGroupStore } from "../../src/store/sqlite/sqlite-group-store.ts";
import { keptMessage } from "./kept-message.ts";
import { GROUP } from "./message.ts";
import { numbered } from "./numbered-message.ts";
import { insertMessages } from "./original-root.ts";

/*
 * A process of its own for tests of what processes do to each other. Prints one line for each thing done; what it
 * holds it holds until it is killed or its input ends.
 */

const [mode, path, extra] = process.argv.slice(2) as [string, string, string | undefined];
const say = (line: string) => process.stdout.write(`${line}\n`);

try {
  switch (mode) {
    case "lock": {
      using _lock = DataRootLock.acquire(path, unixMs(1_700_000_000_000));
      say("locked");
      for await (const _ of createInterface({ input: process.stdin }));
      break;
    }
    case "put": {
      // Runs until killed; a line is an acknowledgement.
      const store = SqliteGroupStore.open(path, { groupId: GROUP, access: "write" });
      for (let at = Number(extra); ; ) {
        const batch = Array.from({ length: 1 + (at % 40) }, (_, i) => keptMessage(numbered(at + i)));
        store.messages.putMany(batch);
        at += batch.length;
        say(`${at}`);
      }
    }
    case "fill": {
      // In a directory of a few megabytes: until it is full, and on when there is room again.
      const ballast = join(path, "ballast");
      writeFileSync(ballast, new Uint8Array(600_000));
      using store = SqliteGroupStore.open(join(path, "moot.sqlite"), { groupId: GROUP, access: "write" });
      const batch = (at: number) => Array.from({ length: 16 }, (_, i) => keptMessage(numbered(at + i)));
      let stored = 0;
      const full = codeOf(() => {
        for (; stored < 1_000_000; stored += 16) store.messages.putMany(batch(stored));
      });
      const again = codeOf(() => store.messages.putMany(batch(stored)));
      const other = codeOf(() =>
        SqliteGroupStore.open(join(path, "other.sqlite"), { groupId: GROUP, access: "write" }),
      );
      const whileFull = { full, again, other, size: store.messages.size, seq: store.messages.lastSeq() };
      rmSync(ballast);
      const seqs = store.messages.putMany(batch(stored));
      const held = Array.from({ length: stored + 16 }, (_, n) => numbered(n).id);
      const root = store.messages.merkleRoot() === merkleRoot(held);
      say(JSON.stringify({ ...whileFull, stored, next: seqs[0], after: store.messages.size, root }));
      break;
    }
    case "root": {
      SqliteDataRoot.open(path, "write")[Symbol.dispose]();
      say("opened");
      break;
    }
    case "open": {
      using root = SqliteDataRoot.open(path, "write");
      say(`${root.openGroup(GROUP)?.messages.merkleRoot()}`);
      break;
    }
    case "takeover": {
      // After the first report of progress it waits to be killed.
      using root = SqliteDataRoot.open(path, "write");
      root.openGroup(GROUP, ({ done }) => {
        writeSync(1, `${done}\n`);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      });
      break;
    }
    case "original": {
      // As the original has its database open: each line is a number of messages to store, answered once they are.
      using database = new Database(path, { readwrite: true, strict: true });
      database.run("PRAGMA journal_mode = WAL");
      database.run("PRAGMA synchronous = NORMAL");
      let at = Number(extra);
      say(`${database.query("SELECT count(*) FROM messages").values()[0]?.[0]}`);
      for await (const line of createInterface({ input: process.stdin })) {
        insertMessages(
          database,
          Array.from({ length: Number(line) }, () => numbered(at++)),
        );
        say(`${at}`);
      }
      break;
    }
    case "create": {
      using store = SqliteGroupStore.open(path, { groupId: GROUP, access: "write" });
      await whenWritable(realClock, [store]);
      store.consumers.advance(`c${process.pid}`, 0);
      say("created");
      break;
    }
    default:
      say(`unknown mode ${mode}`);
  }
} catch (error) {
  say(error instanceof EntmootError ? `${error.code}: ${error.message}` : `${error}`);
}

function codeOf(work: () => void): string {
  try {
    work();
    return "none";
  } catch (error) {
    return error instanceof EntmootError ? error.code : `${error}`;
  }
}
