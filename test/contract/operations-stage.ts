import { join } from "node:path";
import { ControlClient } from "../../src/control/control-client.ts";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { type Clock, unixMs } from "../../src/core/clock.ts";
import { GroupId, PublicKey } from "../../src/core/ids.ts";
import type { Message } from "../../src/core/record/records.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { RunningProgram } from "../../src/host/running-program.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import type { Caller } from "../../src/node/operations/implementation.ts";
import { link_create } from "../../src/node/operations/invites.ts";
import { type MessageRow, messages, publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import type { Operations } from "../../src/node/operations/operation.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { controlServer } from "../support/control.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** How the program of a stage's node was started, as it says. */
export const PROGRAM: RunningProgram = {
  path: "/opt/x/entmootd",
  argv: ["entmootd", "serve"],
  cwd: "/tmp",
  env: ["HOME=/root", "ODD=a=b"],
};

let lastMs = 0;
/** The machine's, by which no two messages are of one millisecond, so that time puts them in the order they were made. */
export const STRICT_CLOCK: Clock = {
  ...realClock,
  unix() {
    lastMs = Math.max(realClock.unix(), lastMs + 1);
    return unixMs(lastMs);
  },
};

/** What no stage has. */
export const UNKNOWN = GroupId.fromBytes(new Uint8Array(32).fill(9));
export const STRANGER = PublicKey.fromBytes(new Uint8Array(32).fill(9));
export const HOUR_MS = 3_600_000;

/** A node that founded one moot without limits, and the way it is asked. */
export interface Stage {
  readonly asked: Operations;
  readonly caller: Caller;
  readonly node: EntmootNode;
  /** The moot it founded. */
  readonly group_id: GroupId;
  /** A folder of its own, which goes with it. */
  readonly folder: string;
  /** Which ends were asked for: "stop" or "restart". */
  readonly ends: readonly string[];
  /** Publishes in order; gives the messages as they arrived. */
  publish(...contents: string[]): Promise<MessageRow[]>;
  /** Another node with a moot of its own and a link to it. */
  other(): Promise<Other>;
}

export interface Other {
  readonly node: EntmootNode;
  readonly group_id: GroupId;
  readonly link: string;
}

/** A way to ask a node. */
export interface Driver {
  readonly name: string;
  readonly caller: Caller;
  /** Requests reach the node as values, not as JSON. */
  readonly isInProcess: boolean;
  /** `path`: where the door for this caller listens. */
  open(node: EntmootNode, path: string): Promise<Operations>;
}

export const IN_PROCESS: Driver = {
  name: "a node in this process",
  caller: "owner",
  isInProcess: true,
  open: async (node) => node,
};
export const OWNERS_SOCKET: Driver = {
  name: "a client of the owner's socket",
  caller: "owner",
  isInProcess: false,
  open: async (_, path) => (await ControlClient.connectTo(path, realClock))!,
};
export const AGENTS_SOCKET: Driver = { ...OWNERS_SOCKET, name: "a client of the agents' socket", caller: "agent" };

/** The stage and the path of its socket, in a data root of its own; disposing it ends all of it. */
export async function openStage(driver: Driver): Promise<Stage & { readonly path: string } & AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const directory = parts.use(new TemporaryDirectory());
  const network = new MemoryNetwork(realClock);
  const ends: string[] = [];
  const node = parts.use(
    await startNode(network, 1, {
      clock: STRICT_CLOCK,
      parts: {
        onStop: () => void ends.push("stop"),
        restart: { program: PROGRAM, request: () => void ends.push("restart") },
      },
    }),
  );
  const path = join(directory.path, "some.sock");
  parts.use(await controlServer(path, node, driver));
  const asked = await driver.open(node, path);
  if (asked !== node) parts.use(asked);
  const { group_id } = await node.call(group_create, { ...OPEN_GROUP, name: "council" });
  const running = parts.move();
  return {
    asked,
    caller: driver.caller,
    node,
    group_id,
    folder: directory.path,
    ends,
    path,
    async publish(...contents) {
      for (const content of contents) {
        await node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(content) });
      }
      return [...(await node.call(messages, { group_id, by: "arrival", limit: 1000 })).messages];
    },
    async other() {
      const other = running.use(await startNode(network, 2));
      const { group_id } = await other.call(group_create, { ...OPEN_GROUP, name: "other" });
      return { node: other, group_id, link: (await other.call(link_create, { group_id })).link };
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** What the messages say, in their order. */
export function contentsOf(rows: readonly { readonly message: Pick<Message, "content"> }[]): string[] {
  return rows.map(({ message }) => new TextDecoder().decode(message.content));
}
