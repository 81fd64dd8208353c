import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { groupStoreContract } from "../../contract/group-store.contract.ts";
import { GROUP } from "../../support/message.ts";

groupStoreContract("memory", () => {
  const store = new MemoryGroupStore(GROUP);
  return { store, reopen: () => store, [Symbol.dispose]: () => store[Symbol.dispose]() };
});
