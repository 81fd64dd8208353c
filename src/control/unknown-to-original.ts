/** Ends the original's daemon, after which this program does what is asked. */
const END_IT =
  'end it as it was started, then this program does it here, without a daemon or with "entmootd serve", and takes its data over by that';

/** What can be done instead, by the operation that an original's daemon does not know. */
const INSTEAD: Readonly<Record<string, string>> = {
  status: '"entmootd info" shows what it says of itself',
  version: '"entmootd info" shows what it says of itself',
  stop: "end it as it was started: by Ctrl-C, its supervisor, or a signal to its process",
  restart: "restart it as it was started",
  program: "look for its process with the system's own tools",
  peers: `its own program's peers command shows how it reaches them; "entmootd call members" shows here who they are`,
  roster_change:
    '"entmootd call member_admit" and "entmootd call member_expel" ask it to add and remove a member by node id and key; or end it, then this command does it here',
  invite_mint:
    '"entmootd call member_admit" asks it to add a member and gives the invite; or end it, then this command does it here',
  join: "its own program's join command joins by an invite of its kind; for a link end it, then this program joins",
  link_create: `the original knows no links; ${END_IT}`,
  link_list: `the original knows no links; ${END_IT}`,
  link_revoke: `the original knows no links; ${END_IT}`,
};

/** Why an operation cannot be asked of the original's daemon on the socket `path`, and what can be done. */
export function unknownToOriginal(operation: string, path: string): string {
  return `the daemon on ${path} is the original's, which does not know ${operation}: ${INSTEAD[operation] ?? END_IT}`;
}
