import { MemoryNodeStore } from "../../../src/store/memory/memory-node-store.ts";
import { nodeStoreContract } from "../../contract/node-store.contract.ts";

nodeStoreContract("memory", () => {
  const store = new MemoryNodeStore();
  return { store, reopen: () => store, [Symbol.dispose]: () => store[Symbol.dispose]() };
});
