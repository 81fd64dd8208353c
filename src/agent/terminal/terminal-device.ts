import { dlopen, ptr } from "bun:ffi";
import { closeSync, constants, openSync, readdirSync, readlinkSync, writeSync } from "node:fs";
import { arch } from "node:process";
import { codeOf } from "../../core/system-error.ts";

/** Where the calls are: glibc, musl. */
const LIBRARIES = ["libc.so.6", `libc.musl-${arch === "x64" ? "x86_64" : "aarch64"}.so.1`];
/** Linux's numbers for: stop output, start output, forget what was not read, how much was not read. */
const TCOOFF = 0;
const TCOON = 1;
const TCIFLUSH = 0;
const FIONREAD = 0x541bn;

type Calls = ReturnType<typeof openCalls>["symbols"];

/**
 * The program's side of a pseudo-terminal, for what its other side cannot do: stop the program's output, and see and
 * forget what the program has not read.
 */
export class TerminalDevice implements Disposable {
  /** As the links in `/proc` name it. */
  readonly path: string;
  readonly #calls: Calls;
  readonly #count = new Int32Array(1);
  #fd: number | undefined;

  private constructor(fd: number, path: string, calls: Calls) {
    this.#fd = fd;
    this.path = path;
    this.#calls = calls;
  }

  /** What `open` gives, with the device of the pseudo-terminal that it opens; without one where the system is not Linux. */
  static during<T>(open: () => T): { readonly opened: T; readonly device: TerminalDevice | undefined } {
    const before = new Set(terminalDescriptors());
    const opened = open();
    const descriptor = terminalDescriptors().find((each) => !before.has(each));
    return { opened, device: descriptor === undefined ? undefined : deviceOf(descriptor) };

    function deviceOf(at: string): TerminalDevice | undefined {
      try {
        const path = readlinkSync(`/proc/self/fd/${at}`);
        const { symbols } = openCalls();
        // Not to wait is a property of the opening; the program's own must not have it.
        const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
        return new TerminalDevice(openSync(`/proc/self/fd/${at}`, flags), path, symbols);
      } catch {
        return undefined;
      }
    }
  }

  /** Stops what the program writes, or lets it go on. */
  hold(isHeld: boolean): void {
    if (this.#fd !== undefined) this.#calls.tcflow(this.#fd, isHeld ? TCOOFF : TCOON);
  }

  /** Bytes that were typed and the program has not read; of a terminal that hands over lines only whole ones count. */
  get unread(): number {
    if (this.#fd === undefined || this.#calls.ioctl(this.#fd, FIONREAD, ptr(this.#count)) !== 0) return 0;
    return this.#count[0]!;
  }

  /** Forgets what the program has not read. */
  discardUnread(): void {
    if (this.#fd !== undefined) this.#calls.tcflush(this.#fd, TCIFLUSH);
  }

  /** Writes behind what the program has written. `false` when there is no room now. */
  append(text: string): boolean {
    if (this.#fd === undefined) return true;
    try {
      writeSync(this.#fd, text);
      return true;
    } catch (error) {
      return codeOf(error) !== "EAGAIN";
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** This process's descriptors of programs' sides of pseudo-terminals. */
function terminalDescriptors(): string[] {
  try {
    return readdirSync("/proc/self/fd").filter(isTerminal);
  } catch {
    return [];
  }

  function isTerminal(at: string): boolean {
    try {
      return /^\/dev\/pts\/\d+$/.test(readlinkSync(`/proc/self/fd/${at}`));
    } catch {
      return false;
    }
  }
}

function openCalls() {
  let failure: unknown;
  for (const library of LIBRARIES) {
    try {
      return dlopen(library, {
        tcflow: { args: ["i32", "i32"], returns: "i32" },
        tcflush: { args: ["i32", "i32"], returns: "i32" },
        ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
      });
    } catch (error) {
      // Another system's library.
      failure = error;
    }
  }
  throw failure;
}
