/** What this process has seen of the host that started it, over the protocol by which that calls its tools. */
export class HostSight {
  readonly #named = Promise.withResolvers<string>();
  readonly #told = Promise.withResolvers<true>();
  #threadId: string | undefined;

  /** What the host calls itself, once it has said it: a host that never does is none that is known. */
  get name(): Promise<string> {
    return this.#named.promise;
  }

  /** Once the host was told which tools there are: a turn that begins before may run without a way to answer. */
  get hasTools(): Promise<true> {
    return this.#told.promise;
  }

  /** The conversation that calls came from, where a host says so: Codex does, and has a server of tools for each. */
  get threadId(): string | undefined {
    return this.#threadId;
  }

  note({ hasTools, meta, name }: NotedOfHost): void {
    if (hasTools === true) this.#told.resolve(true);
    if (name !== undefined) this.#named.resolve(name);
    const { threadId } = (meta ?? {}) as { readonly threadId?: unknown };
    if (typeof threadId === "string" && /^[0-9a-f-]{16,64}$/i.test(threadId)) this.#threadId = threadId;
  }
}

interface NotedOfHost {
  readonly name?: string | undefined;
  readonly meta?: unknown;
  readonly hasTools?: boolean;
}
