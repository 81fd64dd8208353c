import { inNetns } from "../support/netns.ts";

/** Whether what takes minutes runs too, as in `npm run soak`: what hosts do, and every kill of every host. */
export const isWhole = process.env.ENTMOOT_HOST_FACTS === "on";

/** Tests of what hosts do. They run with `ENTMOOT_HOST_FACTS=on`, as `npm run soak` does. */
export function hostFacts(meta: ImportMeta, define: () => void): void {
  if (isWhole) inNetns(meta, define);
}
