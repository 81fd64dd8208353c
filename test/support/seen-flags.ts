/** What a row needs that only a running node knows. */
export interface HeldMessage {
  /** The second message of the first moot, of three. */
  readonly message: string;
  /** A link into the first moot. */
  readonly link: string;
  /** A file with a few words. */
  readonly file: string;
}

/** One flag: a command line without it, and how it stands there, so that something else is seen. */
export interface SeenFlag {
  readonly line: readonly string[];
  readonly flag: readonly string[];
}

export const IN_COUNCIL = ["-group", "council"];

/** Flags that change what is looked at, by command and flag. */
export const LOOKING: Readonly<Record<string, (held: HeldMessage) => SeenFlag>> = {
  "context -group": ({ message }) => ({ line: ["context", message], flag: ["-group", "senate"] }),
  "context -older": ({ message }) => ({ line: ["context", message], flag: ["-older", "0"] }),
  "context -newer": ({ message }) => ({ line: ["context", message], flag: ["-newer", "0"] }),
  "context -topic": ({ message }) => ({ line: ["context", message], flag: ["-topic", "news/#"] }),
  "context -json": ({ message }) => ({ line: ["context", message], flag: ["-json"] }),
  "deliver -group": () => ({ line: ["deliver"], flag: IN_COUNCIL }),
  "group list -group": () => ({ line: ["group", "list"], flag: IN_COUNCIL }),
  "group policy explain -file": ({ file }) => ({
    line: ["group", "policy", "explain", ...IN_COUNCIL],
    flag: ["-file", file],
  }),
  "group policy explain -topic": ({ file }) => ({
    line: ["group", "policy", "explain", ...IN_COUNCIL, "-file", file],
    flag: ["-topic", "_entmoot/x"],
  }),
  "group policy status -json": () => ({ line: ["group", "policy", "status", ...IN_COUNCIL], flag: ["-json"] }),
  "group policy explain -group": ({ message }) => ({
    line: ["group", "policy", "explain", message],
    flag: ["-group", "senate"],
  }),
  "health -json": () => ({ line: ["health"], flag: ["-json"] }),
  "operations -json": () => ({ line: ["operations"], flag: ["-json"] }),
  "operations -markdown": () => ({ line: ["operations"], flag: ["-markdown"] }),
  "policy explain -group": ({ message }) => ({ line: ["policy", "explain", message], flag: ["-group", "senate"] }),
  "peers -group": () => ({ line: ["peers"], flag: IN_COUNCIL }),
  "query -group": () => ({ line: ["query"], flag: IN_COUNCIL }),
  "query -limit": () => ({ line: ["query", ...IN_COUNCIL], flag: ["-limit", "1"] }),
  "query -after": () => ({ line: ["query", ...IN_COUNCIL, "-order", "asc"], flag: ["-after", "2"] }),
  "query -topic": () => ({ line: ["query", ...IN_COUNCIL], flag: ["-topic", "news"] }),
  "read -group": ({ message }) => ({ line: ["read", "-peek", message], flag: ["-group", "senate"] }),
  "roster list -group": () => ({ line: ["roster", "list"], flag: IN_COUNCIL }),
  "policy status -group": () => ({ line: ["policy", "status"], flag: IN_COUNCIL }),
  "prune -before": () => ({ line: ["prune", "council", "-dry-run"], flag: ["-before", "2020-01-01"] }),
  "query -since": () => ({ line: ["query", ...IN_COUNCIL], flag: ["-since", "2099-01-01"] }),
  "query -until": () => ({ line: ["query", ...IN_COUNCIL], flag: ["-until", "yesterday"] }),
  "roster history -group": () => ({ line: ["roster", "history"], flag: IN_COUNCIL }),
  "search -limit": () => ({ line: ["search", "word", ...IN_COUNCIL], flag: ["-limit", "1"] }),
  "search -reserved": () => ({ line: ["search", "word", ...IN_COUNCIL], flag: ["-reserved"] }),
  "search -since": () => ({ line: ["search", "word", ...IN_COUNCIL], flag: ["-since", "2099-01-01"] }),
  "search -topic": () => ({ line: ["search", "word", ...IN_COUNCIL], flag: ["-topic", "news"] }),
  "search -until": () => ({ line: ["search", "word", ...IN_COUNCIL], flag: ["-until", "yesterday"] }),
  "stats -group": () => ({ line: ["stats"], flag: IN_COUNCIL }),
  "stats -json": () => ({ line: ["stats", ...IN_COUNCIL], flag: ["-json"] }),
  "stats -limit": () => ({ line: ["stats", ...IN_COUNCIL], flag: ["-limit", "1"] }),
  "stats -reserved": () => ({ line: ["stats", ...IN_COUNCIL], flag: ["-reserved"] }),
  "stats -since": () => ({ line: ["stats", ...IN_COUNCIL], flag: ["-since", "2099-01-01"] }),
  "stats -step": () => ({ line: ["stats", ...IN_COUNCIL, "-json"], flag: ["-step", "24h"] }),
  "stats -until": () => ({ line: ["stats", ...IN_COUNCIL], flag: ["-until", "yesterday"] }),
  "tail -group": () => ({ line: ["tail", "-n", "1", "-count", "1", "-timeout", "1m"], flag: IN_COUNCIL }),
  "tail -n": () => ({ line: ["tail", ...IN_COUNCIL, "-timeout", "300ms"], flag: ["-n", "2"] }),
  "tail -topic": () => ({
    line: ["tail", ...IN_COUNCIL, "-n", "3", "-count", "1", "-timeout", "1m"],
    flag: ["-topic", "news"],
  }),
  "thread -group": ({ message }) => ({ line: ["thread", message], flag: ["-group", "senate"] }),
  "topics -group": () => ({ line: ["topics"], flag: IN_COUNCIL }),
  "topics -json": () => ({ line: ["topics", ...IN_COUNCIL], flag: ["-json"] }),
  "topics -limit": () => ({ line: ["topics", ...IN_COUNCIL], flag: ["-limit", "1"] }),
  "topics -reserved": () => ({ line: ["topics", ...IN_COUNCIL], flag: ["-reserved"] }),
};

/** Flags that change what is done; the line without them is not run where it would do it all. */
export const DOING: Readonly<Record<string, (held: HeldMessage) => SeenFlag>> = {
  "deliver -agent-per-hour": () => ({ line: ["deliver"], flag: ["-agent-per-hour", "7"] }),
  "deliver -pair-per-minute": () => ({ line: ["deliver"], flag: ["-pair-per-minute", "3"] }),
  "group update -group": () => ({ line: ["group", "update", "-description", "where we meet"], flag: IN_COUNCIL }),
  "policy clear -group": () => ({ line: ["policy", "clear"], flag: IN_COUNCIL }),
  "policy set -group": () => ({ line: ["policy", "set", "-preset", "relaxed"], flag: IN_COUNCIL }),
  "group policy set -group": () => ({ line: ["group", "policy", "set", "-preset", "standard"], flag: IN_COUNCIL }),
  "group policy set -file": ({ file }) => ({ line: ["group", "policy", "set", ...IN_COUNCIL], flag: ["-file", file] }),
  "group policy set -json": () => ({
    line: ["group", "policy", "set", ...IN_COUNCIL, "-preset", "standard"],
    flag: ["-json"],
  }),
  "group policy set -preset": () => ({
    line: ["group", "policy", "set", ...IN_COUNCIL],
    flag: ["-preset", "relaxed"],
  }),
  "group policy set -retention": () => ({
    line: ["group", "policy", "set", ...IN_COUNCIL, "-preset", "standard"],
    flag: ["-retention", "90d"],
  }),
  "group policy clear -group": () => ({ line: ["group", "policy", "clear"], flag: IN_COUNCIL }),
  "group forget -group": () => ({ line: ["group", "forget"], flag: IN_COUNCIL }),
  "invite create -peers": () => ({ line: ["invite", "create", ...IN_COUNCIL], flag: ["-peers", "7"] }),
  "prune -dry-run": () => ({ line: ["prune", "council", "-before", "2020-01-01"], flag: ["-dry-run"] }),
  "prune -older-than": () => ({ line: ["prune", "council", "-dry-run"], flag: ["-older-than", "90d"] }),
  "prune -yes": () => ({ line: ["prune", "council", "-before", "2020-01-01"], flag: ["-yes"] }),
  "prune -lift": () => ({ line: ["prune", "council", "-yes"], flag: ["-lift"] }),
  "receipts -send": () => ({ line: ["receipts", "-presence", "on"], flag: ["-send", "off"] }),
  "receipts -show-host": () => ({ line: ["receipts", "-presence", "on"], flag: ["-show-host", "on"] }),
  "receipts -moot-presence": () => ({ line: ["receipts", ...IN_COUNCIL], flag: ["-moot-presence", "off"] }),
  "invite revoke -group": ({ link }) => ({ line: ["invite", "revoke", "-id", link], flag: IN_COUNCIL }),
  "invite revoke -id": ({ link }) => ({ line: ["invite", "revoke", ...IN_COUNCIL], flag: ["-id", link] }),
  "publish -file": ({ file }) => ({ line: ["publish", ...IN_COUNCIL, "-topic", "chat"], flag: ["-file", file] }),
  "publish -group": () => ({ line: ["publish", "-topic", "chat", "-content", "where?"], flag: IN_COUNCIL }),
  "roster remove -group": () => ({
    line: ["roster", "remove", "-pubkey", "A".repeat(43)],
    flag: IN_COUNCIL,
  }),
  "reply -group": ({ message }) => ({ line: ["reply", message, "-content", "a"], flag: ["-group", "senate"] }),
};
