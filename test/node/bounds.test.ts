import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { decodeJson, encodeWire } from "../../src/core/json/json-codec.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create, TOPICS_MAX, topics } from "../../src/node/operations/moots.ts";
import type { AnyOperation, RequestOf } from "../../src/node/operations/operation.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";

const longOf = (bytes: number) => "é".repeat(bytes / 2) + "a".repeat(bytes % 2);
const topicsOf = (count: number) => Array.from({ length: count }, (_, at) => `t${at}`);
const founding = (fields: Partial<RequestOf<typeof group_create>>) => ({ ...OPEN_GROUP, ...fields });
const publishing = (of: readonly string[]) => ({ topics: of, content: encodeUtf8("x") });

/** What is asked with at most so much of it. */
const BOUNDS: [string, number, AnyOperation, (size: number) => unknown][] = [
  ["name", 256, group_create, (size) => founding({ name: longOf(size) })],
  ["description", 4096, group_create, (size) => founding({ description: longOf(size) })],
  ["tag", 256, group_create, (size) => founding({ tags: [longOf(size)] })],
  ["tags", 32, group_create, (size) => founding({ tags: topicsOf(size) })],
  ["topic", 1024, publish, (size) => publishing([longOf(size)])],
  ["topics", 64, publish, (size) => publishing(topicsOf(size))],
];

/** The request as a caller elsewhere sends it, who has no schema to hold it to. */
function sent(request: unknown): Uint8Array {
  const asJson = (_: string, value: unknown) => (value instanceof Uint8Array ? value.toBase64() : value);
  return Buffer.from(JSON.stringify(request, asJson));
}

/** Nothing, where the node or the schema takes it; else the code. */
const codeOf = (asked: () => unknown) =>
  Promise.try(asked).then(
    () => undefined,
    ({ code }) => code as string,
  );

for (const [what, max, operation, requestOf] of BOUNDS) {
  test(`a request's schema and the node have one bound: ${what}, ${max}`, async () => {
    await using node: EntmootNode = await startNode(undefined, 1);
    if (operation === publish) await node.call(group_create, OPEN_GROUP);
    for (const [size, isTaken] of [
      [max, true],
      [max + 1, false],
    ] as const) {
      const request = requestOf(size);
      const refusedBy = (code: string) => (isTaken ? undefined : code);
      expect(await codeOf(() => node.call(operation, request as object))).toBe(refusedBy("invalid_argument"));
      expect(await codeOf(() => decodeJson(operation.request, sent(request)))).toBe(refusedBy("malformed_frame"));
      if (isTaken) expect(() => encodeWire(operation.request, request)).not.toThrow();
    }
  });
}

test("topics are asked for up to as many as an answer holds", async () => {
  await using node = await startNode(undefined, 1);
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  expect(await node.call(topics, { group_id, limit: TOPICS_MAX })).toMatchObject({ topics: [] });
  const asked = node.call(topics, { group_id, limit: TOPICS_MAX + 1 });
  await expect(asked).rejects.toMatchObject({ code: "invalid_argument" });
});
