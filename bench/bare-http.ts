import { Database } from "bun:sqlite";

/*
 * What bare Bun takes for the same work: one file of it, with nothing checked, no limits and nobody to ask for. Run as a
 * program of its own; prints its port.
 */
const messages = new Database(process.argv[2]!, { strict: true });
const pull = messages.query("SELECT seq, canonical FROM messages WHERE seq > ? ORDER BY seq LIMIT 51");
const readers = new Set<ReadableStreamDefaultController<Uint8Array>>();
const notes = new Database(":memory:");
notes.run("CREATE TABLE notes (text TEXT)");
const insert = notes.query("INSERT INTO notes VALUES (?)");
const encoder = new TextEncoder();

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 255,
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/pull") return Response.json(page(Number(searchParams.get("after"))));
    if (pathname === "/say") {
      const text = String(searchParams.get("text"));
      insert.run(text);
      const event = encoder.encode(`data: ${JSON.stringify({ content: text })}\n\n`);
      for (const reader of readers) reader.enqueue(event);
      return new Response("ok");
    }
    return new Response(
      new ReadableStream<Uint8Array>({
        start(controller) {
          readers.add(controller);
          controller.enqueue(encoder.encode(": ready\n\n"));
        },
      }),
      { headers: { "Content-Type": "text/event-stream" } },
    );
  },
});

function page(after: number) {
  const rows = pull.all(after) as { seq: number; canonical: Uint8Array }[];
  const shown = rows.slice(0, 50).map(({ canonical }) => {
    const { author, content, group_id, id, timestamp, topics } = JSON.parse(Buffer.from(canonical).toString());
    const text = Buffer.from(content, "base64").toString();
    return {
      message_id: id,
      group_id,
      author: author.pilot_node_id,
      topic: topics,
      content: text,
      timestamp_ms: timestamp,
    };
  });
  return { count: shown.length, has_more: rows.length > 50, messages: shown };
}

console.log(server.port);
