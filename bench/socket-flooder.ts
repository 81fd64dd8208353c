/** A program that connects to a Unix socket, sends a frame and leaves, as often as it can: `PATH HEX ATONCE read|leave`. */
const [path = "", hex = "", atOnce = "64", manner = "leave"] = process.argv.slice(2);
const frame = Uint8Array.fromHex(hex);
let asked = 0;

async function once(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (socket: { terminate(): void }) => {
    socket.terminate();
    resolve();
  };
  await Bun.connect({
    unix: path,
    socket: {
      open(socket) {
        socket.write(frame);
        asked += 1;
        if (manner === "leave") setImmediate(() => done(socket));
      },
      data: (socket) => done(socket),
      close: () => resolve(),
      error: () => resolve(),
      connectError: () => resolve(),
    },
  });
  await promise;
}

async function again(): Promise<never> {
  for (;;) await once().catch(() => new Promise((resolve) => setImmediate(resolve)));
}

process.on("SIGTERM", () => {
  process.stdout.write(`${asked}\n`);
  process.exit(0);
});
// Nobody is left that could end it.
process.stdin.on("end", () => process.exit(0)).resume();
for (let n = 0; n < Number(atOnce); n += 1) void again();
process.stdout.write("flooding\n");
