/** What this process has seen of the host that started it, over the protocol by which that calls its tools. */
export class HostSight {
  readonly #named = Promise.withResolvers<string>();
  #threadId: string | undefined;

  /** What the host calls itself, once it has said it: a host that never does is none that is known. */
  get name(): Promise<string> {
    return this.#named.promise;
  }

  /** The conversation that calls came from, where a host says so: Codex does, and has a server of tools for each. */
  get threadId(): string | undefined {
    return this.#threadId;
  }

  note({ meta, name }: { readonly name?: string | undefined; readonly meta?: unknown }): void {
    if (name !== undefined) this.#named.resolve(name);
    const { threadId } = (meta ?? {}) as { readonly threadId?: unknown };
    if (typeof threadId === "string" && /^[0-9a-f-]{16,64}$/i.test(threadId)) this.#threadId = threadId;
  }
}
