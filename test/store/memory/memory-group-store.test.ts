import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { aheadContract } from "../../contract/ahead.contract.ts";
import { apartContract } from "../../contract/apart.contract.ts";
import { groupStoreContract } from "../../contract/group-store.contract.ts";
import { searchContract } from "../../contract/search.contract.ts";
import { shedContract } from "../../contract/shed.contract.ts";
import { GROUP } from "../../support/message.ts";

const makeWorld = () => {
  const store = new MemoryGroupStore(GROUP);
  return { store, reopen: () => store, [Symbol.dispose]: () => store[Symbol.dispose]() };
};

groupStoreContract("memory", makeWorld);
apartContract("memory", makeWorld);
aheadContract("memory", makeWorld);
shedContract("memory", makeWorld);
searchContract("memory", makeWorld);
