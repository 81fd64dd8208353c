import type { Protocol, Tool } from "./conversation.ts";

// biome-ignore lint/suspicious/noExplicitAny: the body of a request is whatever a host sends.
type Json = any;

let made = 0;
const freshId = (prefix: string) => `${prefix}_${(++made).toString().padStart(12, "0")}`;

/** Words, or a call of a tool by the name that the host gives it. */
export type Said =
  | { readonly text: string }
  | { readonly call: Tool; readonly args: Readonly<Record<string, unknown>> };

/** What the model says, as `protocol` has it. */
export function respond(protocol: Protocol, body: Json, said: Said): Response {
  if (protocol === "messages") return body.stream ? events(messagesEvents(body, said)) : messagesBody(body, said);
  if (protocol === "responses") return events(responsesEvents(said));
  return body.stream ? chunks(chatChunks(body, said)) : chatBody(body, said);
}

const isCall = (said: Said) => "call" in said;

function messagesEvents({ model }: Json, said: Said): Json[] {
  const usage = { input_tokens: 10, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const block = isCall(said)
    ? { type: "tool_use", id: freshId("toolu"), name: said.call.name, input: {} }
    : { type: "text", text: "" };
  const delta = isCall(said)
    ? { type: "input_json_delta", partial_json: JSON.stringify(said.args) }
    : { type: "text_delta", text: said.text };
  const message = { type: "message", role: "assistant", model, content: [], stop_reason: null, stop_sequence: null };
  return [
    { type: "message_start", message: { id: freshId("msg"), ...message, usage } },
    { type: "content_block_start", index: 0, content_block: block },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: isCall(said) ? "tool_use" : "end_turn", stop_sequence: null },
      usage: { output_tokens: 5 },
    },
    { type: "message_stop" },
  ];
}

function messagesBody({ model }: Json, said: Said): Response {
  const content = isCall(said)
    ? { type: "tool_use", id: freshId("toolu"), name: said.call.name, input: said.args }
    : { type: "text", text: said.text };
  return Response.json({
    id: freshId("msg"),
    type: "message",
    role: "assistant",
    model,
    content: [content],
    stop_reason: isCall(said) ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5 },
  });
}

function responsesEvents(said: Said): Json[] {
  const id = freshId("resp");
  const item = isCall(said)
    ? {
        type: "function_call",
        id: freshId("fc"),
        call_id: freshId("call"),
        ...said.call,
        arguments: JSON.stringify(said.args),
      }
    : {
        type: "message",
        id: freshId("msg"),
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: said.text, annotations: [] }],
      };
  return [
    { type: "response.created", response: { id } },
    { type: "response.output_item.done", output_index: 0, item },
    {
      type: "response.completed",
      response: {
        id,
        usage: {
          input_tokens: 10,
          input_tokens_details: null,
          output_tokens: 5,
          output_tokens_details: null,
          total_tokens: 15,
        },
      },
    },
  ];
}

function chatChunks({ model }: Json, said: Said): Json[] {
  const chunk = (delta: Json, finish: string | null) => ({
    id: "chatcmpl-stub",
    object: "chat.completion.chunk",
    created: 1,
    model,
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  return [
    chunk({ role: "assistant", ...chatSaid(said, 0) }, null),
    chunk({}, isCall(said) ? "tool_calls" : "stop"),
    { ...chunk({}, null), choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } },
  ];
}

function chatBody({ model }: Json, said: Said): Response {
  return Response.json({
    id: "chatcmpl-stub",
    object: "chat.completion",
    created: 1,
    model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", ...chatSaid(said) },
        finish_reason: isCall(said) ? "tool_calls" : "stop",
      },
    ],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  });
}

function chatSaid(said: Said, index?: number) {
  if (!isCall(said)) return { content: said.text };
  const called = { name: said.call.name, arguments: JSON.stringify(said.args) };
  const call = { id: freshId("call"), type: "function", function: called };
  return { tool_calls: [index === undefined ? call : { index, ...call }] };
}

const STREAM = { headers: { "content-type": "text/event-stream", "cache-control": "no-cache" } };

function events(list: readonly Json[]): Response {
  return new Response(list.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""), STREAM);
}

function chunks(list: readonly Json[]): Response {
  return new Response(`${list.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`, STREAM);
}
