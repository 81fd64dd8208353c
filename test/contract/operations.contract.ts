import { describe, expect, test } from "bun:test";
import { sizeText } from "../../src/core/amounts.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { GroupId } from "../../src/core/ids.ts";
import { version } from "../../src/node/operations/daemon.ts";
import type { AnswerOf, EventOf, Operation, OperationTable, RequestOf } from "../../src/node/operations/operation.ts";
import { connectRaw } from "../support/control.ts";
import { operationFrame, saidBy } from "../support/raw-control.ts";
import { type Driver, openStage, type Stage } from "./operations-stage.ts";

/** One question and what comes of it, whichever way it is asked. */
export interface OperationCase<O> {
  readonly title: string;
  readonly request: (stage: Stage) => RequestOf<O> | Promise<RequestOf<O>>;
  /** Looks at the answer. One of this and `fails`. */
  readonly answers?: (answer: AnswerOf<O>, stage: Stage, events: readonly EventOf<O>[]) => void | Promise<void>;
  /** The whole message, where it is given. */
  readonly fails?: { readonly code: ErrorCode; readonly message?: string };
  /** The caller ends the call after so many events. */
  readonly endsAfter?: number;
}

export interface OperationCases<O> {
  readonly cases: readonly OperationCase<O>[];
  /** JSON that is no request, and what the refusal of it names. */
  readonly malformed: { readonly request: string; readonly names: string };
}

/** Cases for each operation of a table: one without does not compile, and fails by name. */
export type CasesOf<Table extends OperationTable> = { readonly [K in keyof Table]: OperationCases<Table[K]> };

type AnyOperation = Operation<object, unknown, unknown>;
type AnyCases = { readonly [name: string]: OperationCases<AnyOperation> | undefined };

/** Every operation of `table` asked by `driver`. */
export function operationsContract<Table extends OperationTable>(
  driver: Driver,
  table: Table,
  cases: CasesOf<Table>,
): void {
  describe(`asked by ${driver.name}`, () => {
    for (const operation of Object.values(table) as unknown as AnyOperation[]) {
      const found = (cases as unknown as AnyCases)[operation.name];
      if (found === undefined || found.cases.length === 0) {
        test(`${operation.name}: has cases`, () => {
          throw new Error(`operation ${operation.name}: expected cases in test/contract, found none`);
        });
      } else if (driver.caller === "agent" && operation.scope === "owner") {
        test(`${operation.name}: is not for agents`, () => expectForbidden(driver, operation, found.cases[0]!));
      } else {
        for (const each of found.cases)
          test(`${operation.name}: ${each.title}`, () => runCase(driver, operation, each));
      }
    }
  });
}

async function runCase(driver: Driver, operation: AnyOperation, each: OperationCase<AnyOperation>): Promise<void> {
  await using stage = await openStage(driver);
  const request = await each.request(stage);
  const events: unknown[] = [];
  const left = new AbortController();
  const asked = stage.asked.call(operation, request, {
    signal: left.signal,
    onEvent(event) {
      events.push(event);
      if (events.length === each.endsAfter) left.abort();
    },
  });
  if (each.fails === undefined) await each.answers!((await asked) as never, stage, events as never);
  else await expect(asked).rejects.toMatchObject(each.fails);
}

async function expectForbidden(
  driver: Driver,
  operation: AnyOperation,
  { request }: OperationCase<AnyOperation>,
): Promise<void> {
  await using stage = await openStage(driver);
  await expect(stage.asked.call(operation, await request(stage))).rejects.toMatchObject({
    code: "forbidden",
    message: `${operation.name}: not for agents; ask over the owner's control socket`,
  });
  expect(stage.ends).toEqual([]);
}

/** What is refused of every operation of `table`; over a socket the connection that said it lives on. */
export function refusalsContract<Table extends OperationTable>(
  driver: Driver,
  table: Table,
  cases: CasesOf<Table>,
): void {
  describe(`refused to ${driver.name}`, () => {
    for (const operation of Object.values(table) as unknown as AnyOperation[]) {
      const { name, requestMax, scope } = operation;
      if (driver.isInProcess) {
        test(`${name}: a request that is none`, () => expectRefusedInProcess(driver, operation, cases));
        continue;
      }
      const malformed = (cases as unknown as AnyCases)[name]?.malformed;
      const isAllowed = driver.caller === "owner" || scope === "agent";
      const forbidden = { code: "forbidden", message: expect.stringContaining(name) };
      test(`${name}: a request over its cap of ${requestMax} bytes`, async () => {
        const message = `${name}: expected a request of at most ${sizeText(requestMax)}, found ${sizeText(requestMax + 1)}`;
        await expectRefused(driver, name, " ".repeat(requestMax + 1), {
          ...(isAllowed ? { code: "frame_too_large", message } : forbidden),
        });
      });
      test(`${name}: a request that is none`, async () => {
        if (malformed === undefined)
          throw new Error(`operation ${name}: expected a malformed request in test/contract`);
        const refusal = { code: "invalid_argument", message: expect.stringContaining(malformed.names) };
        await expectRefused(driver, name, malformed.request, isAllowed ? refusal : forbidden);
        await expectRefused(driver, name, "{", isAllowed ? { code: "invalid_argument" } : forbidden);
      });
    }
  });
}

/** The same malformed request, in the values that its JSON stands for; there is no frame that could be too large. */
async function expectRefusedInProcess(driver: Driver, operation: AnyOperation, cases: object): Promise<void> {
  const malformed = (cases as AnyCases)[operation.name]?.malformed;
  if (malformed === undefined)
    throw new Error(`operation ${operation.name}: expected a malformed request in test/contract`);
  await using stage = await openStage(driver);
  for (const [request, names] of [
    [JSON.parse(malformed.request, valueOfJson), malformed.names],
    [null, "object"],
  ]) {
    await expect(stage.asked.call(operation, request)).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(names),
    });
  }
  expect(stage.ends).toEqual([]);
}

/** What base64 stands for in memory: an id where it is one of a group, else bytes. */
function valueOfJson(key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (key === "group_id" && value.length === 44) return GroupId.fromBytes(Uint8Array.fromBase64(value));
  return key === "content" || key === "token" ? Uint8Array.fromBase64(value) : value;
}

async function expectRefused(driver: Driver, name: string, request: string, failure: object): Promise<void> {
  await using stage = await openStage(driver);
  using connection = await connectRaw(stage.path);
  await connection.send(operationFrame(name, request, { call: 5 }));
  expect(saidBy(await connection.receive())).toEqual({
    role: "failure",
    call: 5,
    json: expect.objectContaining(failure),
  });
  await connection.send(operationFrame(version.name, {}, { call: 6 }));
  expect(saidBy(await connection.receive())).toMatchObject({ role: "answer", call: 6 });
  expect(stage.ends).toEqual([]);
}
