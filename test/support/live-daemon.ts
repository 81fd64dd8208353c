import { join } from "node:path";
import { unixMs } from "../../src/core/clock.ts";
import { identityOf } from "../../src/core/identity.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { createIdentity } from "../../src/host/identity-file.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { EntmootNode } from "../../src/node/entmoot-node.ts";
import { DataRootLock } from "../../src/store/lock.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { cli, startCli } from "./cli.ts";
import { controlServer } from "./control.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** A daemon in this process, on a real data root and a real control socket; only its peers are on a memory network. */
export async function liveDaemon() {
  const directory = new TemporaryDirectory();
  const dataDir = join(directory.path, ".entmoot");
  const root = SqliteDataRoot.open(dataDir, "write");
  let lock = DataRootLock.acquire(dataDir, unixMs(Date.now()));
  const { identity, path: identityPath } = createIdentity(join(dataDir, "identity.json"));
  const network = new MemoryNetwork(realClock);
  const node = await EntmootNode.open({
    root,
    identity: identityOf(identity.seed),
    identityPath,
    dataDir,
    transport: network.join(PublicKey.fromBytes(identity.publicKey)),
    transportReason: "test",
    transportPort: 0,
    listenPort: 1004,
    hostname: "oak",
    build: { version: "test", commit: "none", date: "none" },
    log: createLog("error"),
    clock: realClock,
    random: new SeededRandom(1),
  });
  const socket = join(dataDir, "control.sock");
  let server = await controlServer(socket, node);
  return {
    node,
    network,
    home: directory.path,
    dataDir,
    clients: () => server.connections,
    run: (...args: string[]) => cli(directory.path, args),
    start: (...args: string[]) => startCli(directory.path, args),
    /** As a restart looks from outside, with `between` happening while nobody listens; `next` answers from then on. */
    async restart(between: () => Promise<void>, next: EntmootNode = node) {
      await server[Symbol.asyncDispose]();
      // Who holds it is waited for, as it may be about to listen.
      lock[Symbol.dispose]();
      await between();
      lock = DataRootLock.acquire(dataDir, unixMs(Date.now()));
      server = await controlServer(socket, next);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await node.close();
      lock[Symbol.dispose]();
      directory[Symbol.dispose]();
    },
  };
}
