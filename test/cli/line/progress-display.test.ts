import { expect, test } from "bun:test";
import { ProgressDisplay } from "../../../src/cli/line/progress-display.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function shown(isTTY: boolean, use: (display: ProgressDisplay, clock: ManualClock) => void, isDumb = false): string {
  let text = "";
  const write = (more: string) => {
    text += more;
    return true;
  };
  const out = { isTTY, write };
  {
    const clock = new ManualClock();
    using display = new ProgressDisplay(out as never, clock, isDumb);
    use(display, clock);
  }
  return text;
}

test("elsewhere than on a terminal there is a line for each tenth, and no more", () => {
  const text = shown(false, (display) => {
    for (let received = 0; received <= 5_000_000; received += 1_000) display.show(received, 5_000_000);
    display.step("done");
  });
  const lines = text.trimEnd().split("\n");
  expect(lines).toHaveLength(12);
  expect(lines[0]).toBe("0 % of 5.0 MB (0.0)");
  expect(lines.slice(-2)).toEqual(["100 % of 5.0 MB (5.0)", "done"]);
  for (const control of ["\r", "\x1b"]) expect(text).not.toContain(control);
});

test("on a terminal a bar is drawn over itself, and what follows starts on a line of its own", () => {
  const text = shown(true, (display) => {
    display.show(1, 4);
    display.step("next");
    display.show(4, 4);
  });
  expect(text).toBe(
    `\r[${"#".repeat(7)}${" ".repeat(21)}] 25 % of 0.0 MB (0.0)\x1b[K\nnext\n\r[${"#".repeat(28)}] 100 % of 0.0 MB (0.0)\x1b[K\n`,
  );
});

test("a bar moves at most ten times a second, and once more when all is there", () => {
  const text = shown(true, (display, clock) => {
    for (let received = 1; received <= 1_000; received++) {
      display.show(received, 1_000);
      clock.advance(1);
    }
  });
  expect(text.split("\r")).toHaveLength(1 + 10 + 1);
});

test("a terminal that knows no sequences gets lines", () => {
  expect(shown(true, (display) => display.show(1, 4), true)).toBe("25 % of 0.0 MB (0.0)\n");
});
