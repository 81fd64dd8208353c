import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { identityOf } from "../../core/identity.ts";
import { PublicKey } from "../../core/ids.ts";
import { secondOpinion } from "../../core/second-opinion.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { createLog } from "../../host/log.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { EntmootNode } from "../../node/entmoot-node.ts";
import { status } from "../../node/operations/daemon.ts";
import { publish } from "../../node/operations/messages.ts";
import { group_create } from "../../node/operations/moots.ts";
import type { DataRoot } from "../../store/data-root.ts";
import { SqliteDataRoot } from "../../store/sqlite/sqlite-data-root.ts";
import { MemoryNetwork } from "../../transport/memory/memory-transport.ts";
import { RELEASE_KEYS } from "../../update/release-keys.ts";
import { defineCommand } from "../line/command.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "self-test";
/** Ours. Enough to pass through signing, storing and reading; a moment's work. */
const TEXT = "Can this executable sign, verify and store here?";

/** `self-test`: a moment's proof that this executable works on this machine. Opens no socket, touches no data root. */
export const selfTest = defineCommand({
  meta: { name: LABEL, description: "Prove in a moment that this program works on this machine" },
  help: {
    examples: ["entmootd self-test"],
    exits: [0, 1, 5],
    notes: ["What an update asks of a new executable before it takes the place of the old one."],
  },
  args: { ...jsonAlready },
  async run() {
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const text = encodeUtf8(TEXT);
    // Each of these is held against another implementation, and is an error where the two differ.
    const publicKey = secondOpinion.publicKeyOf(seed);
    const signature = secondOpinion.sign(seed, text);
    secondOpinion.sha256(text);
    const isRight = secondOpinion.verify(publicKey, text, signature);
    const isWrong = secondOpinion.verify(publicKey, encodeUtf8(`${TEXT}!`), signature);
    if (!isRight || isWrong) throw new EntmootError("internal", `${LABEL}: signatures are judged wrongly`);
    const dir = temporaryFolder();
    try {
      const opened = () => SqliteDataRoot.open(dir, "write");
      const first = await publishOne(opened(), seed);
      const again = await heldRoot(opened(), seed);
      if (first !== again) throw new EntmootError("internal", `${LABEL}: what was stored is not what is read`);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
    // None: an update to this executable would be the last one.
    printJson({ event: "self_test", ok: true, version: BUILD_INFO.version, release_keys: RELEASE_KEYS.length });
  },
});

function openNode(root: DataRoot, seed: Uint8Array): Promise<EntmootNode> {
  const identity = identityOf(seed);
  return EntmootNode.open({
    root,
    identity,
    identityPath: "",
    dataDir: "",
    transport: new MemoryNetwork(realClock).join(PublicKey.fromBytes(identity.publicKey)),
    transportReason: LABEL,
    transportPort: 0,
    listenPort: 0,
    hostname: "",
    build: BUILD_INFO,
    log: createLog("error"),
    clock: realClock,
  });
}

async function publishOne(root: DataRoot, seed: Uint8Array): Promise<string> {
  await using node = await openNode(root, seed);
  await node.call(group_create, { name: LABEL, visibility: "private", join_mode: "invite_only" });
  await node.call(publish, { topics: [LABEL], content: encodeUtf8(TEXT) });
  return await rootOf(node);
}

async function heldRoot(root: DataRoot, seed: Uint8Array): Promise<string> {
  await using node = await openNode(root, seed);
  return await rootOf(node);
}

async function rootOf(node: EntmootNode): Promise<string> {
  const [group] = (await node.call(status, {})).groups;
  return `${group?.messages} ${group?.merkle_root}`;
}

/** Beside the executable where the system's own place cannot be written, as in hardened containers. */
function temporaryFolder(): string {
  for (const parent of [tmpdir(), dirname(process.execPath)]) {
    try {
      return mkdtempSync(join(parent, ".entmoot-self-test-"));
    } catch {
      // The next one.
    }
  }
  throw new EntmootError(
    "unavailable",
    `${LABEL}: no folder to write to: neither ${tmpdir()} nor that of the executable`,
  );
}
