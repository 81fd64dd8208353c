import { fsyncSync } from "node:fs";
import { open } from "node:fs/promises";
import { NewFile } from "../../files/guarded-files.ts";
import { trustedPath } from "../../files/trusted-path.ts";
import { PRIVATE_FILE } from "../private-files.ts";

/** Ours. Read at once, on another thread. */
const CHUNK_BYTES = 1024 * 1024;

export interface CopiedFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** Told of each chunk; rejects to end it. */
export type OnChunk = (bytes: number) => Promise<void> | void;

/** Copies a file to a place where nothing stands, 0600, durable on return. Throws the system's errors. */
export async function copyFile(from: string, to: string, onChunk: OnChunk = () => {}): Promise<CopiedFile> {
  using file = new NewFile(to, PRIVATE_FILE);
  const copied = await eachChunk(from, async (chunk) => {
    file.write(chunk);
    await onChunk(chunk.length);
  });
  fsyncSync(file.handle);
  file.keep();
  return copied;
}

/** Size and digest of a file. Throws the system's errors. */
export function digestOf(path: string, onChunk: OnChunk = () => {}): Promise<CopiedFile> {
  return eachChunk(path, async (chunk) => await onChunk(chunk.length));
}

async function eachChunk(path: string, told: (chunk: Uint8Array) => Promise<void>): Promise<CopiedFile> {
  const hasher = new Bun.CryptoHasher("sha256");
  const handle = await open(trustedPath(path), "r");
  try {
    const buffer = new Uint8Array(CHUNK_BYTES);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, bytes);
      if (bytesRead === 0) break;
      const chunk = buffer.subarray(0, bytesRead);
      hasher.update(chunk);
      bytes += bytesRead;
      await told(chunk);
    }
    return { bytes, sha256: hasher.digest("hex") };
  } finally {
    await handle.close();
  }
}
