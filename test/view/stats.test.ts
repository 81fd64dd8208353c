import { expect, test } from "bun:test";
import { GroupId } from "../../src/core/ids.ts";
import type { StatsAnswer } from "../../src/node/operations/find.ts";
import { statsSvg } from "../../src/view/stats-svg.ts";
import { plotSteps, statsJson, statsLines } from "../../src/view/stats-text.ts";

const HOUR_MS = 3_600_000;
const STATS: StatsAnswer = {
  group_id: GroupId.zero,
  since_ms: 0n,
  until_ms: BigInt(48 * HOUR_MS),
  messages: 12,
  bytes: 4800,
  members: 2,
  authors: [
    { node_id: 7, messages: 9, bytes: 3600 },
    { node_id: 8, messages: 3, bytes: 1200 },
  ],
  topics: [{ topic: '<script>alert("x")</script>\u001b[2J', messages: 12, bytes: 4800 }],
  step_ms: HOUR_MS,
  steps: [
    { start_ms: 0n, messages: 4, bytes: 1600 },
    { start_ms: BigInt(47 * HOUR_MS), messages: 8, bytes: 3200 },
  ],
  more: false,
  indexing: undefined,
};
const NAMES = new Map([
  [7, "oak & <b>"],
  [8, ""],
]);

test("people see a plot over all of the time and a table each, with nothing that steers a terminal", () => {
  const lines = statsLines(STATS, NAMES, "council");
  expect(lines[0]).toBe(
    "council: 12 messages, 4.7 KiB (4,800 bytes), by 2 members, 1970-01-01 00:00:00Z to 1970-01-03 00:00:00Z",
  );
  expect(lines[2]).toBe(`${" ".repeat(47)}█ 8`);
  expect(lines[7]).toMatch(/^█ {46}█$/);
  expect(lines.find((line) => line.startsWith("oak"))).toMatch(
    /^oak & <b> \(node 7\) {2,}9 {2}3\.5 KiB +4\.5 {2}█{24}$/,
  );
  expect(lines.join("\n")).not.toContain("\u001b");
});

test("programs see the same with rates a day", () => {
  expect(statsJson(STATS, NAMES)).toMatchObject({
    messages: 12,
    messages_per_day: 6,
    bytes_per_day: 2400,
    authors: [{ node_id: 7, name: "oak & <b>", messages_per_day: 4.5 }, { node_id: 8 }],
    steps: [
      { start_ms: 0, messages: 4 },
      { start_ms: 47 * HOUR_MS, messages: 8 },
    ],
  });
});

test("the picture is well-formed, and what members chose is no markup in it", () => {
  const svg = statsSvg(STATS, NAMES, "council");
  expect(svg).toStartWith('<svg xmlns="http://www.w3.org/2000/svg"');
  expect(svg).not.toContain("<script");
  expect(svg).not.toContain("\u001b");
  expect(svg).toContain("oak &amp; &lt;b&gt; (node 7)");
  const open = [...svg.matchAll(/<([a-z]+)(?: [^>]*[^/>])?>/g)].map(([, tag]) => tag).sort();
  const closed = [...svg.matchAll(/<\/([a-z]+)>/g)].map(([, tag]) => tag).sort();
  expect(open).toEqual(closed);
});

test("a plot has no more steps than are shown, and all that is counted in them", () => {
  const steps = plotSteps(STATS, 10);
  expect(steps.length).toBeLessThanOrEqual(10);
  expect(steps.reduce((sum, { messages }) => sum + messages, 0)).toBe(12);
});
