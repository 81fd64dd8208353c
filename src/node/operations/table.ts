import { AGENT_SETUP_OPERATIONS } from "./agent-setup.ts";
import { CARE_OPERATIONS } from "./care.ts";
import { CONSUMER_OPERATIONS, consumer_list } from "./consumers.ts";
import { DAEMON_OPERATIONS } from "./daemon.ts";
import { DEFAULT_MOOT_OPERATIONS } from "./default-moot.ts";
import { DIAGNOSIS_OPERATIONS } from "./diagnosis.ts";
import { context, FIND_OPERATIONS, history, search, stats } from "./find.ts";
import { INBOX_OPERATIONS, INBOX_READING } from "./inbox.ts";
import { INVITE_OPERATIONS } from "./invites.ts";
import { LISTEN_OPERATIONS } from "./listen.ts";
import { MAILBOX_OPERATIONS } from "./mailbox.ts";
import { MEMBERSHIP_OPERATIONS, moot_summaries, roster_history } from "./membership.ts";
import { backlog, MESSAGE_OPERATIONS, message, messages } from "./messages.ts";
import { MOOT_OPERATIONS, members, topics } from "./moots.ts";
import { POLICY_OPERATIONS } from "./policy.ts";
import { PUBLIC_OPERATIONS } from "./public.ts";
import { RECEIPT_OPERATIONS, RECEIPT_READING } from "./receipts.ts";
import { VOICE_OPERATIONS } from "./voices.ts";
import { WAKE_OPERATIONS } from "./wake.ts";

/** Everything that can be asked of a node. */
export const OPERATIONS = {
  ...DAEMON_OPERATIONS,
  ...MOOT_OPERATIONS,
  ...POLICY_OPERATIONS,
  ...MEMBERSHIP_OPERATIONS,
  ...DIAGNOSIS_OPERATIONS,
  ...INVITE_OPERATIONS,
  ...PUBLIC_OPERATIONS,
  ...DEFAULT_MOOT_OPERATIONS,
  ...MESSAGE_OPERATIONS,
  ...FIND_OPERATIONS,
  ...CONSUMER_OPERATIONS,
  ...VOICE_OPERATIONS,
  ...MAILBOX_OPERATIONS,
  ...INBOX_OPERATIONS,
  ...LISTEN_OPERATIONS,
  ...WAKE_OPERATIONS,
  ...AGENT_SETUP_OPERATIONS,
  ...RECEIPT_OPERATIONS,
  ...CARE_OPERATIONS,
};

/** Those that a data root answers without a node: they need no identity, and change nothing of a moot. The mailbox is shared by all processes. */
export const READ_OPERATIONS = {
  message,
  messages,
  backlog,
  members,
  moot_summaries,
  roster_history,
  topics,
  search,
  context,
  history,
  stats,
  consumer_list,
  ...MAILBOX_OPERATIONS,
  ...INBOX_READING,
  ...RECEIPT_READING,
};
