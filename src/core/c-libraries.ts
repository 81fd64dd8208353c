/** Where the system's C library may be, by the names of processors that Node has: glibc, musl, macOS. */
export function cLibraries(arch: string): readonly string[] {
  return ["libc.so.6", `libc.musl-${arch === "x64" ? "x86_64" : "aarch64"}.so.1`, "libSystem.B.dylib"];
}
