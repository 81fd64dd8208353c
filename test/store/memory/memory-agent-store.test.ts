import { MemoryAgentStore } from "../../../src/store/memory/memory-agent-store.ts";
import { agentStoreContract, FEW } from "../../contract/agent-store.contract.ts";

agentStoreContract("memory", () => {
  const store = new MemoryAgentStore(FEW);
  return { store, reopen: () => store, [Symbol.dispose]() {} };
});
