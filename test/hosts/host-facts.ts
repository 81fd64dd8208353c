import { inNetns } from "../support/netns.ts";

/**
 * Tests of what hosts do, and of this program with those hosts whose screens and times make one of many fail now and
 * then. They run with `ENTMOOT_HOST_FACTS=on`, as `npm run soak` does.
 */
export function hostFacts(meta: ImportMeta, define: () => void): void {
  if (process.env.ENTMOOT_HOST_FACTS === "on") inNetns(meta, define);
}
