/** Of an attachment, or of this node, what tells why its agent is not woken. */
export interface ToldState {
  /** Who it is, as a person knows it. */
  readonly shown: string;
  /** What is to be started for somebody to listen; `undefined` where nothing was attached. */
  readonly start: string | undefined;
  readonly daemon: boolean;
  readonly moot?: string;
  readonly listeners?: readonly { readonly can_wake: boolean }[];
  readonly rules?: readonly { readonly deliver: string }[];
  readonly waiting?: readonly { readonly held?: string }[];
}

/** Why messages do not wake an agent, one sentence for each reason; none where they do. */
export function statusWords({
  daemon,
  listeners = [],
  moot,
  rules = [],
  shown,
  start,
  waiting = [],
}: ToldState): string[] {
  if (!daemon)
    return [`${shown}: its daemon does not run, so nothing reaches it; "entmootd voice list" tells of voices`];
  const said: string[] = [];
  if (moot !== undefined && moot !== "member") said.push(`it is ${moot}`);
  if (listeners.length === 0 && start !== undefined) said.push(`nobody listens${waits(waiting.length)}; ${start}`);
  else if (listeners.length > 0 && listeners.every(({ can_wake }) => !can_wake)) {
    said.push(`its host takes no messages at the moment${waits(waiting.length)}`);
  }
  const deaf = rules.filter(({ deliver }) => deliver === "none").length;
  if (deaf > 0) said.push(`in ${moots(deaf)} nothing wakes it by its own rule; "entmootd deliver" changes that`);
  for (const why of new Set(waiting.flatMap(({ held }) => held ?? []))) {
    const count = waiting.filter(({ held }) => held === why).length;
    said.push(`${count} ${count === 1 ? "is" : "are"} held back (${why}), and in its inbox`);
  }
  return said.map((words) => `${shown}: ${words}`);
}

function waits(count: number): string {
  if (count === 0) return "";
  return count === 1 ? ", and 1 message waits" : `, and ${count} messages wait`;
}

function moots(count: number): string {
  return count === 1 ? "one moot" : `${count} moots`;
}
