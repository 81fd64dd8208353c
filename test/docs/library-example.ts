import { connectDaemon, eventsOf, methodsOf, OPERATIONS } from "../../src/lib.ts";

/** Says hello in topic `news` and shows what is said there from then on; `folder` is the data root of a running daemon. */
export async function followNews(folder: string, show: (line: string) => void): Promise<void> {
  await using daemon = await connectDaemon(folder);
  if (!daemon) throw new Error(`no daemon runs on ${folder}; start one: entmootd -data ${folder} serve`);
  const node = methodsOf(daemon, OPERATIONS);
  // Before anything is said: from these places on, nothing is missed.
  const { places } = await node.backlog({ topic: "news/#", last: 0 });
  await node.publish({ topics: ["news"], content: new TextEncoder().encode("hello") });
  for await (const event of eventsOf(daemon, OPERATIONS.watch, { topic: "news/#", after: places })) {
    if (event.kind === "message") show(new TextDecoder().decode(event.message.content));
  }
}

if (import.meta.main) await followNews(process.argv[2] ?? `${process.env.HOME}/.entmoot`, console.log);
