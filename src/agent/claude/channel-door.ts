import { MessageId } from "../../core/ids.ts";
import { type FoundInHost, type Handed, type Handing, type HostDoor, NOT_OURS, type SoughtInHost } from "../door.ts";

/** Says it to the host; resolves once it is written. */
export type PushToChannel = (content: string, meta: Readonly<Record<string, string>>) => Promise<void>;

/**
 * A channel of Claude Code: what the server of its tools says of its own accord. The host acknowledges nothing, and drops what
 * comes without a word where it was not started with that channel or a policy forbids it. So a message that went this way is
 * never known to have arrived.
 */
export class ClaudeChannelDoor implements HostDoor {
  readonly name = "claude channel";
  readonly canLook = false;
  readonly #push: PushToChannel;

  constructor(push: PushToChannel) {
    this.#push = push;
  }

  async hand({ ids, mayGive, text }: Handing): Promise<Handed> {
    if (!(await mayGive())) return NOT_OURS;
    await this.#push(text, { messages: ids.map((id) => MessageId.toBase64(id)).join(" ") });
    return { level: "submitted", evidence: "written to the channel, which acknowledges nothing" };
  }

  look({ ids }: SoughtInHost): Promise<ReadonlyMap<MessageId, FoundInHost>> {
    return Promise.resolve(new Map(ids.map((id) => [id, "unknown"])));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
