import { saltKeys } from "../core/salted-map.ts";

let isSalted = false;

/** Draws the secret of tables whose keys others choose: once a process, before any node or data root of it is opened. */
export function saltTables(): void {
  if (isSalted) return;
  isSalted = true;
  saltKeys(crypto.getRandomValues(new Uint8Array(9)).toBase64());
}
