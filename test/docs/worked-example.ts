import { struct } from "../../src/core/json/json-codec.ts";
import type { NodeServices } from "../../src/node/implementations.ts";
import type { Implementations } from "../../src/node/operations/implementation.ts";
import { operation } from "../../src/node/operations/operation.ts";
import { count } from "../../src/wire/frame/bounded.ts";

/** The definition: everything a caller, a door or a document has to know. */
const moot_count = operation({
  name: "moot_count",
  summary: "How many moots this node holds",
  scope: "agent",
  request: struct<object>("object", {}),
  answer: struct("moot count", { moots: count }, { required: ["moots"] }),
});

export const EXAMPLE_OPERATIONS = { moot_count };

/** The implementation: what the node does when asked. One that is missing or misfits does not compile. */
export const EXAMPLE_IMPLEMENTATIONS: Implementations<NodeServices, typeof EXAMPLE_OPERATIONS> = {
  moot_count: (node) => ({ moots: node.groups().length }),
};
