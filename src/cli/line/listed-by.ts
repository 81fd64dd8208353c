/** Lists that are looked for where another command prints them. */
const LISTED_BY: Readonly<Record<string, string>> = {
  "group list": 'the moots of this node: "entmootd info"',
  "group members": 'who is in a moot: "entmootd peers"',
  "roster list": 'who is in a moot: "entmootd peers"',
};

/** What to ask instead of a list that is not there; nothing where none is meant. */
export function listedBy(asked: string): string {
  return Object.hasOwn(LISTED_BY, asked) ? `; ${LISTED_BY[asked]}` : "";
}
