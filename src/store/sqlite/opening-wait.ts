/** How long openings may wait for other processes, in sum: what one of them waited is gone for the next. */
export class OpeningWait {
  #leftMs: number;

  constructor(ms: number) {
    this.#leftMs = ms;
  }

  /** Whether there is so much left; takes it. */
  spend(ms: number): boolean {
    if (this.#leftMs < ms) return false;
    this.#leftMs -= ms;
    return true;
  }
}
