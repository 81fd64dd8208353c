import { EntmootError } from "../../src/core/errors.ts";
import type { GroupStore } from "../../src/store/group-store.ts";

/** A store whose process dies at one of its writes, and writes nothing from then on. */
export interface Fuse {
  /** Writes that are still done. */
  left: number;
  /** Whether the last of them is done too, with nobody told. */
  readonly isWritten: boolean;
  isBurnt: boolean;
}

const MESSAGE_WRITES = ["putMany", "shed", "pruneBefore", "rejoin", "settleAhead"] as const;
const ROSTER_WRITES = ["append", "rebranch", "keepForks"] as const;
const FACT_WRITES = ["setFact", "setFacts"] as const;

/** `store` as a process sees it that dies as `fuse` says. */
export function fragileStore(store: GroupStore, fuse: Fuse): GroupStore {
  const messages = guarded(store.messages, MESSAGE_WRITES, fuse);
  const roster = guarded(store.roster, ROSTER_WRITES, fuse);
  return guarded(store, FACT_WRITES, fuse, { messages, roster });
}

function guarded<T extends object>(target: T, writes: readonly (keyof T & string)[], fuse: Fuse, parts = {}): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(parts, name)) return Reflect.get(parts, name);
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const isWrite = writes.some((write) => write === name);
      return (...args: unknown[]) => {
        const work = () => Reflect.apply(value, target, args);
        return isWrite ? burning(fuse, work) : work();
      };
    },
  });
}

function burning(fuse: Fuse, work: () => unknown): unknown {
  if (!fuse.isBurnt && fuse.left > 0) {
    fuse.left -= 1;
    return work();
  }
  if (!fuse.isBurnt && fuse.isWritten) work();
  fuse.isBurnt = true;
  throw new EntmootError("unavailable", "the process has died");
}
