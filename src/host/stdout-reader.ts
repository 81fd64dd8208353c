import { dlopen, ptr } from "bun:ffi";
import { arch } from "node:process";
import { cLibraries } from "../core/c-libraries.ts";
import type { Clock } from "../core/clock.ts";

const STDOUT = 1;
/** Ours. How often it is looked whether somebody still reads: a pipe tells its writer nothing until it writes. */
const LOOK_MS = 100;
/** What `poll` says of a pipe, a socket or a terminal whose other end is closed. */
const POLLERR = 0x08;
const POLLHUP = 0x10;

/**
 * Calls `gone` once when nobody reads stdout any more, until it is disposed of. Where the system cannot be asked it is
 * never called; the next line printed then fails with `EPIPE`.
 */
export function onReaderGone(clock: Clock, gone: () => void): Disposable {
  const isGone = readerCheck();
  let timer: Disposable | undefined;
  const look = () => {
    if (isGone?.()) gone();
    else timer = clock.after(LOOK_MS, look, { idle: true });
  };
  if (isGone !== undefined) look();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

/** Whether stdout has lost its reader; `undefined` where there is no way to ask. */
function readerCheck(): (() => boolean) | undefined {
  for (const library of cLibraries(arch)) {
    try {
      const { poll } = dlopen(library, { poll: { args: ["ptr", "u64", "i32"], returns: "i32" } }).symbols;
      // struct pollfd: a descriptor, and two half words of which the second is what happened.
      const asked = new Int32Array(2);
      return () => {
        asked[0] = STDOUT;
        asked[1] = 0;
        return poll(ptr(asked), 1, 0) === 1 && ((asked[1]! >> 16) & (POLLERR | POLLHUP)) !== 0;
      };
    } catch {
      // Another system's library.
    }
  }
  return undefined;
}
