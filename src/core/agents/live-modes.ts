/** Wire. The words in which a live agent takes part in a moot. */
export const LIVE_MODES = ["listen", "reply_on_mention", "converse", "operator"] as const;
export type LiveMode = (typeof LIVE_MODES)[number];

/** Wire. What a live agent can be allowed to do, in the original's order. */
export const LIVE_ACTIONS = [
  "reply",
  "message.summarize",
  "task.create",
  "task.comment",
  "task.assign_self",
  "task.update_own",
  "task.assign_others",
  "command.request",
  "command.send",
  "alert.owner",
  "invite.create",
  "member.remove",
  "metadata.update",
  "external.message.send",
] as const;
export type LiveAction = (typeof LIVE_ACTIONS)[number];

/** Wire. What runs what a moot asks of an agent. */
export const RUNNERS = ["none", "custom", "openclaw"] as const;
export type Runner = (typeof RUNNERS)[number];

/** Those that need tasks, which are off until they are switched on. */
export function needsTasks(action: LiveAction): boolean {
  return action.startsWith("task.") || action.startsWith("command.");
}

export function isLiveAction(word: string): word is LiveAction {
  return (LIVE_ACTIONS as readonly string[]).includes(word);
}

/** What an operator may do where nothing was said: all there is, without what needs tasks while these are off. */
export function operatorActions(hasTasks: boolean): readonly LiveAction[] {
  return LIVE_ACTIONS.filter((action) => hasTasks || !needsTasks(action));
}
