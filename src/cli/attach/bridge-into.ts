import { runBridge } from "../../agent/bridge.ts";
import type { HostDoor } from "../../agent/door.ts";
import { textOf } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { openAgentsSocket } from "../../daemon/open-agents-socket.ts";
import { createLog } from "../../host/log.ts";
import { programName } from "../../host/program-name.ts";
import { realClock } from "../../host/real-clock.ts";
import { shellCommand } from "../../host/shell-quote.ts";
import type { AttachedAs } from "./attached-as.ts";

export interface BridgedDoor {
  readonly door: HostDoor;
  readonly agent: string;
  readonly host: string;
  /** As `FoundHost.instance`; `undefined`: it keeps no records. */
  readonly instance?: string;
  /** `undefined`: all moots of the voice. */
  readonly groupId: GroupId | undefined;
  /** Whether what runs there has the agents' socket in its environment. */
  readonly hasSocket: boolean;
  readonly nonce: () => string;
}

/** A bridge of this process into a host that has none of our tools: its agent answers by commands. */
export class BridgeInto implements AsyncDisposable {
  readonly #ending = new AbortController();
  /** What ended it before its time; `undefined`: nothing did. */
  readonly failed: Promise<string | undefined>;

  constructor(as: AttachedAs, { agent, door, groupId, hasSocket, host, instance, nonce }: BridgedDoor) {
    const before = hasSocket ? [] : ["env", `ENTMOOT_AGENT_SOCKET=${as.agentSocket}`];
    const run = (...words: string[]) => `run: ${shellCommand([...before, programName(), ...words])}`;
    const parts = {
      open: () => openAgentsSocket(as.agentSocket),
      door,
      clock: realClock,
      log: createLog("error"),
      listen: { agent, host, instance, group_id: groupId, can_wake: true },
      ways: {
        reply: `${run("reply", "ID", "-content")} "…"`,
        acknowledge: run("inbox", "-ack", "ID"),
        read: run("read", "ID"),
      },
      nonce,
    };
    this.failed = runBridge(parts, this.#ending.signal).then(
      () => undefined,
      (error: unknown) => textOf(error),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.failed;
  }
}
