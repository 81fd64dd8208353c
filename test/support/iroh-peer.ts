/**
 * A node in a process of its own, for tests that kill it: `bun iroh-peer.ts <node> <port> <echo|mute>`. Prints one
 * line, `{"key","port","hints"}`, when it can be dialled. `mute` takes streams and then neither reads nor answers.
 */

import { tmpdir } from "node:os";
import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { IrohTransport } from "../../src/transport/iroh/iroh-transport.ts";
import type { PeerStream } from "../../src/transport/transport.ts";

export interface PeerProcess extends AsyncDisposable {
  readonly key: PublicKey;
  readonly port: number;
  readonly hints: readonly string[];
  /** Ends it as a power cut would: nothing more is sent. */
  kill(): Promise<void>;
}

export async function spawnPeer(node: number, mode: "echo" | "mute", port = 0): Promise<PeerProcess> {
  const child = Bun.spawn([process.execPath, import.meta.path, `${node}`, `${port}`, mode], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const kill = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  const { value } = await child.stdout.getReader().read();
  if (!value) throw new Error(`peer process ended with status ${await child.exited} before it was ready`);
  const { key, ...rest } = JSON.parse(new TextDecoder().decode(value));
  return { key: PublicKey.fromHex(key), ...rest, kill, [Symbol.asyncDispose]: kill };
}

async function echo(stream: PeerStream): Promise<void> {
  for (let piece = await stream.read(65_536); piece !== null; piece = await stream.read(65_536))
    await stream.write(piece);
  await stream[Symbol.asyncDispose]();
}

if (import.meta.main) {
  const [node, port, mode] = process.argv.slice(2);
  const transport = await IrohTransport.start({
    clock: realClock,
    seed: new Uint8Array(32).fill(Number(node)),
    bind: ["127.0.0.1"],
    port: Number(port),
    relay: "off",
    libraryDir: tmpdir(),
  });
  const held: PeerStream[] = [];
  transport.accept((stream) => {
    if (mode === "mute") held.push(stream);
    else echo(stream).catch(() => stream.reset());
  });
  console.log(JSON.stringify({ key: transport.local, port: transport.boundPort(), hints: transport.localHints() }));
}
