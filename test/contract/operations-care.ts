import { expect } from "bun:test";
import { join } from "node:path";
import type { CARE_OPERATIONS } from "../../src/node/operations/care.ts";
import { exported } from "../support/archive.ts";
import type { CasesOf } from "./operations.contract.ts";
import { UNKNOWN } from "./operations-stage.ts";

const ofUnknown = { title: "an unknown moot", request: () => ({ group_id: UNKNOWN }) };
const notFound = { fails: { code: "group_not_found" } } as const;
const ofGroup = { malformed: { request: '{"group_id":"x"}', names: "group_id" } } as const;
const DAY_MS = 86_400_000;

export const CARE_CASES: CasesOf<typeof CARE_OPERATIONS> = {
  moot_export: {
    ...ofGroup,
    cases: [
      {
        title: "tells the bytes of an archive, and then what it is",
        async request({ group_id, publish }) {
          await publish("a", "b");
          return { group_id };
        },
        answers(answer, { group_id }, events) {
          expect(answer).toMatchObject({ group_id, messages: 2, roster_entries: 1 });
          const text = events.map(({ chunk }) => new TextDecoder().decode(chunk)).join("");
          expect(text.trimEnd().split("\n")).toHaveLength(6);
          expect(text).toStartWith('{"archive":');
        },
      },
      { ...ofUnknown, ...notFound },
    ],
  },
  moot_import: {
    malformed: { request: '{"path":7}', names: "path" },
    cases: [
      {
        title: "of what is held already changes nothing",
        async request({ folder, group_id, node, publish }) {
          await publish("a");
          const path = join(folder, "archive");
          await Bun.write(path, (await exported(node, group_id)).bytes);
          return { path };
        },
        answers(answer, { group_id }, events) {
          expect(answer).toMatchObject({ group_id, created: false, stored: 0, known: 1, roster: "same", member: true });
          expect(events.map(({ stage }) => stage)).toEqual(["verify", "store"]);
        },
      },
      {
        title: "of a file that is not there is refused",
        request: ({ folder }) => ({ path: join(folder, "none") }),
        fails: { code: "invalid_argument" },
      },
    ],
  },
  prune: {
    malformed: {
      request: '{"group_id":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=","before_ms":-1}',
      names: "before_ms",
    },
    cases: [
      {
        title: "tells what would go",
        async request({ group_id, publish }) {
          await publish("a");
          return { group_id, before_ms: Date.now() - DAY_MS, dry_run: true };
        },
        answers: (answer) => expect(answer).toMatchObject({ messages: 0, left: 1, dry_run: true }),
      },
      {
        title: "that counts from a clock which nobody knows to be right is refused",
        request: ({ group_id }) => ({ group_id, older_than_ms: DAY_MS }),
        fails: { code: "unavailable" },
      },
      { title: "an unknown moot", request: () => ({ group_id: UNKNOWN, before_ms: DAY_MS }), ...notFound },
    ],
  },
  verify: {
    ...ofGroup,
    cases: [
      {
        title: "finds what was just written sound",
        async request({ publish }) {
          await publish("a", "b");
          return {};
        },
        answers: ({ moots }, { group_id }) =>
          expect(moots).toMatchObject([{ group_id, sound: true, messages: 2, entries: 1, faults: [] }]),
      },
      { ...ofUnknown, ...notFound },
    ],
  },
};
