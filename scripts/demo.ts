/**
 * `npm run demo`: three nodes on this machine make a moot, talk, lose one of them to a crash and get it back, and
 * end with the same Merkle root. Everything it makes is in a temporary directory and goes away with it.
 */
import { asksForHelp } from "./command-line.ts";

const USAGE = `usage: npm run demo

Three nodes on this machine make a moot, talk, lose one of them to a crash and get it back, and end with the same
Merkle root. Takes no options; everything it makes is in a temporary directory and goes away with it.
`;

async function main(argv: readonly string[]): Promise<number> {
  if (asksForHelp(argv)) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (argv.length > 0) {
    process.stderr.write(`demo: takes no arguments, found ${JSON.stringify(argv[0])}; see "npm run demo -- --help"\n`);
    return 1;
  }
  // Loaded only now: it builds the program that it runs.
  const { runDemo } = await import("./demo-nodes.ts");
  return runDemo();
}

process.exit(await main(process.argv.slice(2)));
