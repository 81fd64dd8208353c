import { expect, test } from "bun:test";
import { createLog } from "../../src/host/log.ts";

function logged(level: Parameters<typeof createLog>[0], write: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  write(createLog(level, { write: (line) => lines.push(line), now: () => new Date(1_700_000_000_123) }));
  return lines;
}

test("a line has time, level, message and fields, quoted where a blank could split them", () => {
  expect(
    logged("info", (log) => log.info("peer connected", { peer: "ab12", route: "direct path", rttMs: 3, n: 12n })),
  ).toEqual([
    'time=2023-11-14T22:13:20.123Z level=INFO msg="peer connected" peer=ab12 route="direct path" rttMs=3 n=12\n',
  ]);
});

test.each([
  ["debug", ["DEBUG", "INFO", "WARN", "ERROR"]],
  ["info", ["INFO", "WARN", "ERROR"]],
  ["warn", ["WARN", "ERROR"]],
  ["error", ["ERROR"]],
] as const)("at level %s these are written: %j", (level, names) => {
  const lines = logged(level, (log) => {
    log.debug("a");
    log.info("a");
    log.warn("a");
    log.error("a");
  });
  expect(lines.map((line) => /level=(\w+)/.exec(line)?.[1] ?? "")).toEqual([...names]);
});

test("equal lines in a row are all written", () => {
  expect(logged("info", (log) => Array.from({ length: 20 }, () => log.info("same")))).toHaveLength(20);
});

test("what a peer sent can neither end the line nor forge another, and is cut when it is long", () => {
  const [line] = logged("info", (log) =>
    log.info("said", { text: 'x\ny" level=ERROR msg="forged', more: "z".repeat(20_000) }),
  );
  expect(line!.split("\n")).toHaveLength(2);
  expect(line).toContain(String.raw`text="x\ny\" level=ERROR msg=\"forged"`);
  expect(line!.length).toBeLessThan(8_300);
});

test("an error is written by its message, bytes as hex, objects as JSON", () => {
  const [line] = logged("info", (log) =>
    log.warn("failed", { err: new Error("no route"), id: new Uint8Array([1, 255]), at: { a: 1n } }),
  );
  expect(line).toContain('err="no route" id=01ff at="{\\"a\\":\\"1\\"}"');
});

test("where prose is JSON a line is one object, and no field of it is longer than a line", () => {
  const lines: string[] = [];
  const log = createLog("info", { write: (line) => lines.push(line), now: () => new Date(0), isJson: () => true });
  log.warn("peer lost", { peer: "ab12", n: 1n, text: 'a"\n', more: "z".repeat(20_000) });
  const { more, ...rest } = JSON.parse(lines.join(""));
  expect(rest).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    level: "WARN",
    msg: "peer lost",
    peer: "ab12",
    n: "1",
    text: 'a"\n',
  });
  expect(more.length).toBeLessThan(8_300);
});
