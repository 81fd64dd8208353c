import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { NEVER } from "../../src/node/operations/implementation.ts";
import type { Operations } from "../../src/node/operations/operation.ts";

/** The node as one sees it who was given the agents' socket. */
export function asAgent(node: EntmootNode): Operations {
  return {
    call: (operation, request, { onEvent, signal } = {}) =>
      node.run(operation, request, {
        caller: "agent",
        signal: signal ?? NEVER,
        emit: async (event) => onEvent?.(event),
        afterAnswer: () => {},
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
