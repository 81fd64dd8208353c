/** A line of input, numbered from 1; `bytes` is undefined when it was too long to be kept. */
export interface InputLine {
  readonly number: number;
  readonly bytes: Uint8Array | undefined;
}

/** Bytes as they come to lines, none of which takes more memory than `maxBytes`. Empty lines are counted and left out. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #size = 0;
  #number = 1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  read(bytes: Uint8Array): InputLine[] {
    const lines: InputLine[] = [];
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      this.#keep(bytes.subarray(start, end));
      lines.push(...this.end());
      start = end + 1;
    }
    // Copied: whoever reads may use the same memory for what comes next.
    this.#keep(bytes.slice(start));
    return lines;
  }

  /** The line that no break has ended. */
  end(): InputLine[] {
    const number = this.#number++;
    const isTooLong = this.#size > this.#maxBytes;
    const bytes = isTooLong ? undefined : new Uint8Array(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#size = 0;
    return bytes !== undefined && isBlank(bytes) ? [] : [{ number, bytes }];
  }

  #keep(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size <= this.#maxBytes) this.#parts.push(part);
    else this.#parts = [];
  }
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
