import { type DefaultMootState, NO_CONSENT } from "../../core/admission/default-moot-state.ts";
import type { DefaultMootStore } from "../default-moot-file.ts";

/** In memory, for simulations and tests. */
export class MemoryDefaultMoot implements DefaultMootStore {
  #state = NO_CONSENT;

  read(): DefaultMootState {
    return this.#state;
  }

  write(state: DefaultMootState): void {
    this.#state = state;
  }
}
