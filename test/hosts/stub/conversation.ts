/** The three ways hosts ask a model. */
export type Protocol = "messages" | "responses" | "chat";

/** One thing in a request that the model reads, oldest first. */
export interface Item {
  readonly by: "instructions" | "system" | "developer" | "user" | "model" | "tool";
  readonly text: string;
}

// biome-ignore lint/suspicious/noExplicitAny: the body of a request is whatever a host sends.
type Json = any;

/** What the model reads in this request: instructions first, then the conversation. */
export function itemsOf(protocol: Protocol, body: Json): Item[] {
  if (protocol === "messages") {
    return [
      { by: "instructions", text: textOf(body.system) },
      ...list(body.messages).flatMap((message) =>
        (typeof message.content === "string" ? [{ type: "text", text: message.content }] : list(message.content)).map(
          (block): Item => ({
            by: message.role === "assistant" ? "model" : block.type === "tool_result" ? "tool" : message.role,
            text: block.type === "text" ? block.text : JSON.stringify(block.content ?? block),
          }),
        ),
      ),
    ];
  }
  if (protocol === "responses") {
    const input = typeof body.input === "string" ? [{ role: "user", content: body.input }] : list(body.input);
    return [
      { by: "instructions", text: textOf(body.instructions) },
      ...input.map((item): Item => {
        if (/output$/.test(item.type ?? "")) return { by: "tool", text: textOf(item.output) };
        if (item.role !== undefined) {
          return { by: item.role === "assistant" ? "model" : item.role, text: textOf(item.content) };
        }
        return { by: "model", text: JSON.stringify(item) };
      }),
    ];
  }
  return list(body.messages).map((message) => ({
    by: message.role === "assistant" ? "model" : message.role,
    text: textOf(message.content) || JSON.stringify(message.tool_calls ?? ""),
  }));
}

/** The items after the model's last words: what this request was made for. */
export function newestOf(items: readonly Item[]): readonly Item[] {
  return items.slice(items.findLastIndex(({ by }) => by === "model") + 1).filter(({ by }) => by !== "instructions");
}

/** A tool that the model may call, by the name a call has to use. */
export interface Tool {
  readonly name: string;
  readonly namespace?: string;
}

export function toolsOf(body: Json): Tool[] {
  return list(body.tools).flatMap((tool): Tool[] => {
    if (tool.type === "namespace") {
      return list(tool.tools).map(({ name }) => ({ name, namespace: tool.name }));
    }
    const name = tool.function?.name ?? tool.name ?? tool.type;
    return [{ name }];
  });
}

/**
 * The tool that a server of tools calls `name`: hosts put its own name before it. Where the host keeps the schema back
 * until the model searches for it, the name stands in the conversation only.
 */
export function toolCalled(body: Json, items: readonly Item[], name: string): Tool | undefined {
  const tools = toolsOf(body);
  const offered = tools.find((tool) => tool.name === name) ?? tools.find((tool) => tool.name.endsWith(`_${name}`));
  if (offered !== undefined) return offered;
  const full = new RegExp(`"name":\\s*"(\\w+_${name})"|"tool_name":\\s*"(\\w+_${name})"`);
  for (const { by, text } of items) {
    const found = by === "tool" ? full.exec(text.replaceAll("\\", "")) : null;
    if (found !== null) return { name: (found[1] ?? found[2])! };
  }
  return undefined;
}

function list(value: Json): Json[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: Json): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map((part) => part.text ?? JSON.stringify(part)).join("\n");
  return value === undefined || value === null ? "" : JSON.stringify(value);
}
