import type { Subject } from "./subject.ts";

/**
 * The subjects built, by the base name of their vector files (with the folder ahead for vectors of
 * another system). Each is loaded when a file asks for it, so that one subject's dependencies do not
 * cost the others.
 */
export const SUBJECTS: Readonly<Record<string, () => Promise<{ readonly subject: Subject }>>> = {
  "canonical-json": () => import("./canonical-json.ts"),
  merkle: () => import("./merkle.ts"),
  order: () => import("./order.ts"),
  topics: () => import("./topics.ts"),
};
