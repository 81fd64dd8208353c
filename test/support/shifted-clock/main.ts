import { readFileSync } from "node:fs";

/** A file of two numbers, `DATE STEADY`: milliseconds that the date and the steady clock of this process are ahead. */
const file = process.env.ENTMOOT_TEST_CLOCK;

/** How often the file is read again. Between two turns of the event loop alone: within one, both clocks move together. */
const READ_EVERY_MS = 20;

const TrueDate = Date;
const trueSteady = performance.now.bind(performance);
let [dateMs, steadyMs] = [0, 0];

function readOffsets(): void {
  const [date = 0, steady = 0] = readFileSync(file!, "utf8").split(" ").map(Number);
  [dateMs, steadyMs] = [date, steady];
}

class ShiftedDate extends TrueDate {
  constructor(...given: unknown[]) {
    // As the true one: without an argument it is now.
    super(...((given.length === 0 ? [ShiftedDate.now()] : given) as [number]));
  }

  static override now(): number {
    return TrueDate.now() + dateMs;
  }
}

if (file !== undefined) {
  readOffsets();
  setInterval(readOffsets, READ_EVERY_MS).unref();
  globalThis.Date = ShiftedDate as DateConstructor;
  performance.now = () => trueSteady() + steadyMs;
}

// The whole program, on clocks that a test moves.
await import("../../../src/main.ts");
