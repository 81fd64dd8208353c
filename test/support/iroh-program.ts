/** A program to compile: `version`, or `serve <lib>`, or `ask <lib> <key> <hint>`; each prints one line of JSON. */

import { readFileSync } from "node:fs";
import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { IrohTransport } from "../../src/transport/iroh/iroh-transport.ts";

const [command, libraryDir = "", key = "", hint = ""] = process.argv.slice(2);
const start = (node: number) =>
  IrohTransport.start({
    clock: realClock,
    seed: new Uint8Array(32).fill(node),
    bind: ["127.0.0.1"],
    port: 0,
    relay: "off",
    libraryDir,
  });

async function serve(): Promise<void> {
  const transport = await start(2);
  transport.accept(async (stream) => {
    await using answered = stream;
    const question = await answered.read(100);
    if (question) await answered.write(question);
  });
  console.log(JSON.stringify({ key: transport.local, hint: transport.localHints()[0] }));
}

async function ask(): Promise<void> {
  await using transport = await start(1);
  await using stream = await transport.open(PublicKey.fromHex(key), {
    hints: [hint],
    signal: AbortSignal.timeout(60_000),
  });
  await stream.write(new TextEncoder().encode("hello"));
  const answer = await stream.read(100);
  console.log(JSON.stringify({ answer: new TextDecoder().decode(answer ?? undefined), loaded: isLibraryLoaded() }));
}

async function run(): Promise<void> {
  if (command === "serve") await serve();
  else if (command === "ask") await ask();
  else console.log(JSON.stringify({ loaded: isLibraryLoaded() }));
}

function isLibraryLoaded(): boolean {
  return readFileSync("/proc/self/maps", "utf8").includes("iroh.node");
}

run().catch((error) => {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
  process.exit(1);
});
