/** SHA-256 (FIPS 180-4) of `data`, 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Bun.CryptoHasher("sha256").update(data).digest() as Uint8Array<ArrayBuffer>;
}

/** SHA-256 of `data`, text as UTF-8, as 64 lowercase hex digits. */
export function sha256Hex(data: Uint8Array | string): string {
  return Bun.CryptoHasher.hash("sha256", data, "hex");
}
