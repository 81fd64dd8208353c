import { transportContract } from "../../contract/transport.contract.ts";
import { irohWorld } from "../../support/iroh-world.ts";
import { inNetns } from "../../support/netns.ts";

inNetns(import.meta, () => {
  transportContract("iroh", irohWorld);
});
