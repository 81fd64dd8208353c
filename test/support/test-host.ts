import { type BridgeParts, runBridge } from "../../src/agent/bridge.ts";
import type { FoundInHost, Handed, Handing, HostDoor, SoughtInHost } from "../../src/agent/door.ts";
import type { EnvelopeRoom } from "../../src/core/agents/envelope.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { asAgent } from "./agent.ts";

/** A host without a screen: it keeps what it was handed, and says of it what a test wants. */
export class TestHost implements HostDoor {
  readonly name = "test";
  canLook = true;
  room: EnvelopeRoom | undefined;
  /** What the model saw, one text a turn. */
  readonly turns: Handing[] = [];
  answer: (handing: Handing) => Handed | Promise<Handed> = () => ({ level: "delivered", evidence: "seen" });
  found: (id: MessageId) => FoundInHost = (id) =>
    this.turns.some(({ ids }) => ids.includes(id)) ? "present" : "absent";
  looked: MessageId[] = [];

  async hand(handing: Handing): Promise<Handed> {
    const handed = await this.answer(handing);
    if (handed.level !== "later" && handed.level !== "refused") this.turns.push(handing);
    return handed;
  }

  async look({ ids }: SoughtInHost): Promise<ReadonlyMap<MessageId, FoundInHost>> {
    this.looked.push(...ids);
    return new Map(ids.map((id) => [id, this.found(id)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The bridge to `host`, of the agent of the node that `node` gives, until `end` aborts. */
export function bridgeTo(node: () => EntmootNode, host: HostDoor, changes: Partial<BridgeParts["listen"]> = {}) {
  const end = new AbortController();
  let nonces = 0;
  const running = runBridge(
    {
      open: async () => asAgent(node()),
      door: host,
      clock: realClock,
      log: createLog("error"),
      listen: { agent: "elm", host: "test", instance: undefined, group_id: undefined, can_wake: true, ...changes },
      ways: { reply: 'reply("ID")', acknowledge: 'ack("ID")', read: 'read("ID")' },
      nonce: () => (nonces++).toString(16).padStart(8, "0"),
    },
    end.signal,
  );
  // Looked at by the tests that wait for its end.
  running.catch(() => {});
  return { end, running };
}
