/** What is looked for where another command prints it. */
const LISTED_BY: Readonly<Record<string, string>> = {
  groups: 'the moots of this node: "entmootd info"',
  members: 'who is in a moot: "entmootd peers"',
  moots: 'the moots of this node: "entmootd info"',
  status: 'what runs here: "entmootd info", and for agents "entmootd attach -status"',
  "group list": 'the moots of this node: "entmootd info"',
  "group members": 'who is in a moot: "entmootd peers"',
  "roster list": 'who is in a moot: "entmootd peers"',
};

/** What to ask instead of what is not there; nothing where none is meant. */
export function listedBy(asked: string): string {
  return Object.hasOwn(LISTED_BY, asked) ? `; ${LISTED_BY[asked]}` : "";
}
