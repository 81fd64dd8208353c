/**
 * A small server of tools for hosts to start, and what a test learns from inside one: run as
 * `bun probe-server.ts FOLDER`, it keeps in FOLDER its environment (`env.json`), every line that its host says to it
 * (`heard.jsonl`), and what was called (`calls.jsonl`). What a test writes to FOLDER/relay.sock, one JSON line
 * `{"to": PATH, "lines": [...]}`, it sends to the socket PATH, as only a child of the host may, and answers with what
 * came back. It speaks the handshake by `initialize` only, and ends with its stdin.
 */
import { appendFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

const FOLDER = process.argv[2]!;
const note = (file: string, value: unknown) => appendFileSync(join(FOLDER, file), `${JSON.stringify(value)}\n`);

const TEXT = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };
const TOOLS = [
  { name: "probe_echo", description: "Says the text again.", inputSchema: TEXT, annotations: { readOnlyHint: true } },
  { name: "probe_reply", description: "Answers a message.", inputSchema: TEXT },
];

// biome-ignore lint/suspicious/noExplicitAny: whatever a host sends.
function answerTo({ method, params }: any): unknown {
  if (method === "initialize") {
    const serverInfo = { name: "probe", version: "1.0.0" };
    return {
      protocolVersion: params.protocolVersion,
      capabilities: { tools: {} },
      serverInfo,
      instructions: "A probe.",
    };
  }
  if (method === "tools/list") return { tools: TOOLS };
  if (method === "tools/call") {
    note("calls.jsonl", params);
    return { content: [{ type: "text", text: `probe heard ${params.arguments?.text}` }] };
  }
  if (method === "ping") return {};
  return undefined;
}

const input = createInterface({ input: process.stdin });
input.on("line", (line) => {
  const heard = JSON.parse(line);
  note("heard.jsonl", heard);
  if (heard.id === undefined) return;
  const result = answerTo(heard);
  const answer = result === undefined ? { error: { code: -32601, message: "method not found" } } : { result };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id: heard.id, ...answer })}\n`);
});
input.on("close", () => process.exit(0));

createServer((test) => {
  createInterface({ input: test }).on("line", (line) => {
    const { to, lines } = JSON.parse(line);
    const host = connect(to, () => host.end(lines.map((text: unknown) => `${JSON.stringify(text)}\n`).join("")));
    let answered = "";
    host.on("data", (bytes) => {
      answered += bytes;
    });
    host.on("error", (error) => test.write(`${JSON.stringify({ error: error.message })}\n`));
    host.on("close", () => test.write(`${JSON.stringify({ answered })}\n`));
  });
}).listen(join(FOLDER, "relay.sock"), () =>
  writeFileSync(join(FOLDER, "env.json"), JSON.stringify({ pid: process.pid, ppid: process.ppid, env: process.env })),
);
