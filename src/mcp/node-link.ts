import { EntmootError } from "../core/errors.ts";
import type { CallOptions, Loose, Operation, Operations } from "../node/operations/operation.ts";

/**
 * The node behind an MCP server, asked for when it is needed: hosts start their servers when they like, and daemons end and
 * come back meanwhile. While none answers each call says so, with the next step.
 */
export class NodeLink implements AsyncDisposable {
  readonly #open: () => Promise<Operations>;
  #node: Promise<Operations> | undefined;

  /** `open` throws `control_unavailable` where no daemon answers. */
  constructor(open: () => Promise<Operations>) {
    this.#open = open;
  }

  /** Throws as the operation does, and as `open`. */
  async call<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event> = {},
  ): Promise<Answer> {
    const wasOpen = this.#node !== undefined;
    try {
      return await this.#callOnce(operation, request, options);
    } catch (cause) {
      // The daemon may be another since: what only looks is asked of that one.
      if (!wasOpen || !operation.onlyLooks || !isGone(cause)) throw cause;
      return await this.#callOnce(operation, request, options);
    }
  }

  async #callOnce<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event>,
  ): Promise<Answer> {
    this.#node ??= this.#open();
    const opened = this.#node;
    try {
      const node = await opened;
      return await node.call(operation, request, options);
    } catch (cause) {
      if (isGone(cause)) await this.#forget(opened);
      throw cause;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#node !== undefined) await this.#forget(this.#node);
  }

  /** The next call opens it anew. */
  async #forget(opened: Promise<Operations>): Promise<void> {
    if (this.#node === opened) this.#node = undefined;
    const node = await opened.catch(() => undefined);
    await node?.[Symbol.asyncDispose]();
  }
}

function isGone(cause: unknown): boolean {
  return cause instanceof EntmootError && cause.code === "control_unavailable";
}
