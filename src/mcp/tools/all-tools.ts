import type { Tool } from "../tool.ts";
import { MOOT_TOOLS } from "./moot-tools.ts";

/** Every tool, in the order in which hosts list them. */
export const TOOLS: readonly Tool[] = [...MOOT_TOOLS];
