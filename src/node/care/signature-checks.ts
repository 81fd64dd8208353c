/** Ours. Looked at on other cores at a time, twice: while some are, the next ones are read. */
const CHECKS_MAX = 512;

/** Checks under way beside the loop: so many that no core waits for another, and no more. None of them may reject. */
export class SignatureChecks {
  #before: Promise<unknown> = Promise.resolve();
  #now: Promise<void>[] = [];

  /** Begins another; `true` where `room` is to be awaited before the next. */
  add(check: Promise<void>): boolean {
    this.#now.push(check);
    return this.#now.length >= CHECKS_MAX;
  }

  async room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    void Promise.all(this.#now).then(() => resolve());
    this.#now = [];
    await this.#before;
    this.#before = promise;
  }

  async settled(): Promise<void> {
    await this.room();
    await this.#before;
  }
}
