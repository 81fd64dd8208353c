/** SHA-256 (FIPS 180-4) of `data`, 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Bun.CryptoHasher("sha256").update(data).digest() as Uint8Array<ArrayBuffer>;
}
