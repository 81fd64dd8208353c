/** Preloaded into a program that may do nothing but print: whoever starts another or opens a socket ends with 99. */
const refused = (what: string) => () => {
  process.stderr.write(`does more than print: Bun.${what}\n`);
  process.exit(99);
};

for (const what of ["spawn", "spawnSync", "build", "listen", "serve", "udpSocket"]) {
  Object.assign(Bun, { [what]: refused(what) });
}
