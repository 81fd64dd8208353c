import { expect } from "bun:test";
import { PublicKey } from "../../src/core/ids.ts";
import type { DAEMON_OPERATIONS } from "../../src/node/operations/daemon.ts";
import { keyOf, until } from "../support/nodes.ts";
import type { CasesOf } from "./operations.contract.ts";
import { PROGRAM } from "./operations-stage.ts";

const STARTED_AS = { ...PROGRAM, pid: process.pid };
const OTHER = "/opt/y/entmootd";
const conflict = {
  code: "conflict",
  message: `restart: expected a daemon of ${OTHER}, found one of ${PROGRAM.path}`,
} as const;

export const DAEMON_CASES: CasesOf<typeof DAEMON_OPERATIONS> = {
  status: {
    malformed: { request: "7", names: "object" },
    cases: [
      {
        title: "tells the node and its moots",
        async request(stage) {
          await stage.publish("x");
          return {};
        },
        async answers(answer, { caller, group_id, node }) {
          const machine =
            caller === "agent"
              ? {
                  pid: 0,
                  data_dir: "",
                  identity_path: "",
                  listen_port: 0,
                  transport: { carrier: "memory", reason: "", port: 0, hints: [] },
                }
              : {
                  pid: process.pid,
                  data_dir: "(memory)",
                  identity_path: "(memory)",
                  listen_port: 1004,
                  transport: { carrier: "memory", reason: "test", port: 0 },
                };
          expect(answer).toMatchObject({
            running: true,
            version: "test",
            ...machine,
            groups: [{ group_id, name: "council", members: 1, messages: 1, founder: true, local_member: true }],
          });
          expect(PublicKey.fromBytes(answer.entmoot_pubkey)).toBe(await keyOf(node));
        },
      },
    ],
  },
  version: {
    malformed: { request: '"x"', names: "object" },
    cases: [
      {
        title: "tells the program that answers",
        request: () => ({}),
        answers: (answer, { caller }) =>
          expect(answer).toEqual({
            version: "test",
            commit: "none",
            date: "none",
            pid: caller === "agent" ? 0 : process.pid,
          }),
      },
    ],
  },
  stop: {
    malformed: { request: "[]", names: "object" },
    cases: [
      {
        title: "answers, then ends the node once",
        request: () => ({}),
        async answers(answer, { ends }) {
          expect(answer).toEqual({ pid: process.pid });
          await until(() => ends.length > 0);
          expect(ends).toEqual(["stop"]);
        },
      },
    ],
  },
  program: {
    malformed: { request: "{}", names: "path" },
    cases: [
      {
        title: "tells how the process was started, and ends nothing",
        request: () => ({ path: PROGRAM.path }),
        answers(answer, { ends }) {
          expect(answer).toEqual(STARTED_AS);
          expect(ends).toEqual([]);
        },
      },
      { title: "another executable is refused", request: () => ({ path: OTHER }), fails: conflict },
    ],
  },
  restart: {
    malformed: { request: '{"path":7}', names: "path" },
    cases: [
      {
        title: "answers, then starts the program again once",
        request: () => ({ path: PROGRAM.path }),
        async answers(answer, { ends }) {
          expect(answer).toEqual(STARTED_AS);
          await until(() => ends.length > 0);
          expect(ends).toEqual(["restart"]);
        },
      },
      { title: "another executable is refused", request: () => ({ path: OTHER }), fails: conflict },
    ],
  },
};
