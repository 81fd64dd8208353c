import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { dataRootContract } from "../../contract/data-root.contract.ts";

dataRootContract("memory", () => {
  const root = new MemoryDataRoot();
  return { root, reopen: () => root, [Symbol.dispose]: () => root[Symbol.dispose]() };
});
