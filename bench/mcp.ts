import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { inbox } from "../src/node/operations/inbox.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, quantile } from "./figure.ts";
import { programs } from "./programs.ts";

const CALLS = 400;
const WARM_UP = 100;
/** Ours. Pieces in which calls and what they are held against alternate. */
const PIECES = 10;
/** Ours. Two processes in the place of one, JSON-RPC, and two schemas. */
const TIMES = 5;

/** A tool called by the maintained client, beside the same question asked over a socket of the daemon. */
export async function mcp(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  await using daemon = await BenchDaemon.start(compiled);
  daemon.createGroup();
  const figures: Figure[] = [];
  for (const mode of ["auto", "legacy"] as const) {
    const args = ["-data", daemon.dataDir, "mcp"];
    const client = new Client({ name: "bench", version: "0" }, { versionNegotiation: { mode } });
    await client.connect(new StdioClientTransport({ command: compiled.entmootd, args, stderr: "inherit" }));
    await using direct = await daemon.client();
    const samples = { tool: [] as number[], socket: [] as number[] };
    const tool = () => client.callTool({ name: "entmoot_inbox", arguments: {} });
    const socket = () => direct.call(inbox, { limit: 20 });
    const piece = async (count: number) => {
      for (const [work, into] of [
        [tool, samples.tool],
        [socket, samples.socket],
      ] as const) {
        for (let n = 0; n < count; n++) {
          const started = performance.now();
          await work();
          into.push(performance.now() - started);
        }
      }
    };
    say(`${CALLS} calls of a tool, revision ${client.getNegotiatedProtocolVersion()}`);
    await piece(WARM_UP);
    samples.tool.length = 0;
    samples.socket.length = 0;
    for (let n = 0; n < PIECES; n++) await piece(CALLS / PIECES);
    const bare = quantile(samples.socket, 0.5);
    figures.push({
      name: `MCP call of entmoot_inbox there and back, p50, ${client.getNegotiatedProtocolVersion()}`,
      unit: "ms",
      measured: quantile(samples.tool, 0.5),
      limit: TIMES * bare,
      better: "lower",
      basis: `${TIMES} × the same asked over the control socket, ${bare.toFixed(2)} ms`,
    });
    await client.close();
  }
  return figures;
}
