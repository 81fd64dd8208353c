/** A program: takes streams over iroh and gives back what it reads. Prints one line, `{"key","hints"}`, when it can be dialled. */
import { asksForHelp } from "../scripts/command-line.ts";
import { realClock } from "../src/host/real-clock.ts";
import { IrohTransport } from "../src/transport/iroh/iroh-transport.ts";
import type { PeerStream } from "../src/transport/transport.ts";
import { temporaryDirectory } from "./programs.ts";

/** A transport on loopback for the node with this seed. */
export function loopbackTransport(seed: number): Promise<IrohTransport> {
  return IrohTransport.start({
    clock: realClock,
    seed: new Uint8Array(32).fill(seed),
    bind: ["127.0.0.1", "::1"],
    port: 0,
    relay: "off",
    libraryDir: temporaryDirectory(),
  });
}

async function echo(stream: PeerStream): Promise<void> {
  for (let piece = await stream.read(65_536); piece !== null; piece = await stream.read(65_536)) {
    await stream.write(piece);
  }
  await stream[Symbol.asyncDispose]();
}

if (import.meta.main && asksForHelp(process.argv.slice(2))) {
  process.stdout.write(
    "usage: bun bench/iroh-echo.ts\n\nGives back what it is sent over iroh, until it is ended; the bench runs it.\n",
  );
} else if (import.meta.main) {
  const transport = await loopbackTransport(2);
  transport.accept((stream) => void echo(stream).catch(() => stream.reset()));
  console.log(JSON.stringify({ key: transport.local, hints: transport.localHints() }));
}
