import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { dataRootContract } from "../../contract/data-root.contract.ts";
import { mailboxStoreContract } from "../../contract/mailbox-store.contract.ts";

function makeWorld() {
  const root = new MemoryDataRoot();
  return { root, reopen: () => root, [Symbol.dispose]: () => root[Symbol.dispose]() };
}

dataRootContract("memory", makeWorld);
mailboxStoreContract("memory", makeWorld);
