import { PassThrough } from "node:stream";
import { Client } from "@modelcontextprotocol/client";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { realClock } from "../../src/host/real-clock.ts";
import { NodeLink } from "../../src/mcp/node-link.ts";
import { serveMcp } from "../../src/mcp/server.ts";
import type { Tool, ToolContext } from "../../src/mcp/tool.ts";
import { TOOLS } from "../../src/mcp/tools/all-tools.ts";
import type { Operations } from "../../src/node/operations/operation.ts";

/** The revisions a host may speak: the newest asks with each request, older ones begin with a handshake. */
export const ERAS = ["modern", "legacy"] as const;
export type Era = (typeof ERAS)[number];

export interface McpSession extends AsyncDisposable {
  readonly client: Client;
  /** Everything that the server wrote. */
  readonly written: () => string;
  readonly errors: readonly Error[];
  /** Bytes to the server between those of the client. */
  send(bytes: string): void;
}

export interface McpSessionOptions {
  readonly era?: Era;
  readonly tools?: readonly Tool[];
  readonly only?: ToolContext["only"];
}

/** The maintained client beside the server, in this process: bytes go through pipes as they do between two. */
export async function mcpSession(
  open: () => Promise<Operations>,
  options: McpSessionOptions = {},
): Promise<McpSession> {
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const written: Buffer[] = [];
  toClient.on("data", (chunk: Buffer) => written.push(chunk));
  const errors: Error[] = [];
  const node = new NodeLink(open);
  let nonces = 0;
  const server = serveMcp({
    tools: options.tools ?? TOOLS,
    context: {
      node,
      clock: realClock,
      only: options.only,
      nonce: () => (nonces++).toString(16).padStart(8, "0"),
    },
    version: "test",
    stdin: toServer,
    stdout: toClient,
    onError: (error) => errors.push(error),
  });
  const client = new Client(
    { name: "test", version: "0" },
    { versionNegotiation: { mode: options.era === "legacy" ? "legacy" : "auto" } },
  );
  // Lines of JSON either way: the server's own transport serves the client's end too.
  await client.connect(new StdioServerTransport(toClient, toServer));
  return {
    client,
    errors,
    send: (bytes) => void toServer.write(bytes),
    written: () => Buffer.concat(written).toString(),
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
      await node[Symbol.asyncDispose]();
    },
  };
}

/** The text that a model would read. */
export async function textFrom(session: McpSession, name: string, args: Record<string, unknown> = {}): Promise<string> {
  const { content, isError } = await session.client.callTool({ name, arguments: args });
  const text = content.map((block) => (block.type === "text" ? block.text : `(${block.type})`)).join("\n");
  if (isError === true) throw new Error(text);
  return text;
}
