import type { Tool } from "../tool.ts";
import { FIND_TOOLS } from "./find-tools.ts";
import { INBOX_TOOLS, LOOKING_TOOLS } from "./inbox-tools.ts";
import { MOOT_TOOLS } from "./moot-tools.ts";
import { RECEIPT_TOOLS } from "./receipt-tools.ts";
import { SPEAKING_TOOLS } from "./speaking-tools.ts";

/** Every tool, in the order in which hosts list them. */
export const TOOLS: readonly Tool[] = [
  ...INBOX_TOOLS,
  ...SPEAKING_TOOLS,
  ...FIND_TOOLS,
  ...RECEIPT_TOOLS,
  ...MOOT_TOOLS,
];

/** Those of a server that may change nothing, neither in a moot nor what counts as read. */
export const READ_ONLY_TOOLS: readonly Tool[] = [...LOOKING_TOOLS, ...FIND_TOOLS, ...RECEIPT_TOOLS, ...MOOT_TOOLS];
