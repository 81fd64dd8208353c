/**
 * `npm run demo [-- agents]`: nodes, or agents, on this machine talk and lose one of them to a crash. Everything it makes is in
 * a temporary directory and goes away with it.
 */
import { asksForHelp } from "./command-line.ts";

const USAGE = `usage: npm run demo [-- agents [--bots]]

Three nodes on this machine make a moot, talk, lose one of them to a crash and get it back, and end with the same
Merkle root.

  agents   two agents answer each other, and one of them is killed with its daemon while it is asked: Claude Code and
           Codex against a model that says what it is told to, where "npm run hosts" has installed them; else two of
           the shell bots of docs/agents.md
  --bots   the bots, also where hosts are there

Ends by itself; everything it makes is in a temporary directory and goes away with it.
`;

async function main(argv: readonly string[]): Promise<number> {
  if (asksForHelp(argv)) {
    process.stdout.write(USAGE);
    return 0;
  }
  // Loaded only when they are asked for: they build the program that they run.
  const demo = async () => {
    if (argv.length === 0) return (await import("./demo-nodes.ts")).demoNodes;
    const words = argv.join(" ");
    if (words !== "agents" && words !== "agents --bots") return undefined;
    const { demoAgents, demoBots } = await import("./demo-agents.ts");
    return words === "agents" ? demoAgents : demoBots;
  };
  const chosen = await demo();
  if (chosen === undefined) {
    const found = JSON.stringify(argv.join(" "));
    process.stderr.write(
      `demo: expected nothing, agents, or agents --bots, found ${found}; see "npm run demo -- --help"\n`,
    );
    return 1;
  }
  const { runDemo } = await import("./run-demo.ts");
  return runDemo(chosen);
}

process.exit(await main(process.argv.slice(2)));
