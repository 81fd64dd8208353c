import { MemoryNodeStore } from "../../../src/store/memory/memory-node-store.ts";
import { NODE_STORE_LIMITS } from "../../../src/store/store-limits.ts";
import { nodeStoreContract } from "../../contract/node-store.contract.ts";

nodeStoreContract("memory", () => {
  const store = new MemoryNodeStore();
  return { store, limits: NODE_STORE_LIMITS, reopen: () => store, [Symbol.dispose]: () => store[Symbol.dispose]() };
});
