/** Text of the UTF-16 units `units`, which are as this machine keeps them; every platform this runs on is little-endian. */
export function textOfUnits({ buffer, byteLength, byteOffset }: Uint16Array): string {
  // Copies; a `TextDecoder` looks at each unit and takes nine times as long.
  return Buffer.from(buffer, byteOffset, byteLength).toString("utf16le");
}
