import { dirname, join, normalize } from "node:path";

/** A file of src: its path from there, and what it says. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** The rooms in import order. Rooms of one group are siblings and do not import each other. */
const ORDER: readonly (readonly string[])[] = [
  ["core"],
  ["wire"],
  ["machine"],
  ["files"],
  ["store", "transport", "host"],
  ["node"],
  ["view"],
  ["control", "http", "mcp", "irc"],
  ["agent", "apps", "update", "conformance"],
  ["daemon"],
  ["cli"],
  ["main.ts"],
  ["lib.ts"],
];
/** No clock, randomness, I/O, logging or async. */
const PURE = new Set(["core", "wire", "machine"]);

/** What pure rooms may take from the runtime; `node:crypto` is for core, where signatures are checked. */
const PURE_MODULES: Readonly<Record<string, readonly string[]>> = {
  core: ["node:crypto", "node:assert", "bun"],
  wire: ["node:assert", "bun"],
  machine: ["node:assert", "bun"],
};
const FORBIDDEN_IN_PURE: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["Date.now", /\bDate\s*\.\s*now\b/],
  ["new Date()", /\bnew\s+Date\s*(\(\s*\)|(?!\s*\())/],
  ["performance.now", /\bperformance\s*\./],
  ["Bun.nanoseconds", /\bnanoseconds\b|\bhrtime\b/],
  ["Math.random", /\bMath\s*\.\s*random\b/],
  ["getRandomValues", /\bgetRandomValues\b/],
  ["randomUUID", /\brandomUUID/],
  ["randomBytes", /\brandomBytes\b|\brandomInt\b|\brandomFill/],
  ["setTimeout", /\bsetTimeout\b/],
  ["setInterval", /\bsetInterval\b/],
  ["setImmediate", /\bsetImmediate\b/],
  ["queueMicrotask", /\bqueueMicrotask\b/],
  ["async", /\basync\b/],
  ["await", /\bawait\b/],
  ["console", /\bconsole\s*\./],
  ["process.", /\bprocess\s*\./],
  ["fetch", /\bfetch\s*\(/],
  [
    "Bun's files and sockets",
    /\bBun\s*\.\s*(file|write|spawn|spawnSync|serve|connect|listen|sleep|env|stdin|stdout)\b/,
  ],
];

/** Time comes from the `Clock` that is handed in, so that a simulation can run the same code on its own. */
const RAW_TIME: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["Date.now", /\bDate\s*\.\s*now\b/],
  ["new Date()", /\bnew\s+Date\s*(\(\s*\)|(?!\s*\())/],
  ["performance.now", /\bperformance\s*\./],
  ["Bun.nanoseconds", /\bnanoseconds\b|\bhrtime\b/],
  ["setTimeout", /\bsetTimeout\b/],
  ["setInterval", /\bsetInterval\b/],
  ["setImmediate", /\bsetImmediate\b/],
  ["Bun.sleep", /\bBun\s*\.\s*sleep\b/],
  ["AbortSignal.timeout", /\bAbortSignal\s*\.\s*timeout\b/],
  ["a blocking wait", /\bsleepSync\b|\bAtomics\s*\.\s*wait\b/],
];
const TIMER_MODULE = /^(node:)?timers(\/|$)/;
/** The machine's own clock; and waits in calls that are synchronous to their end, as SQLite's and those on stdout are. */
const MAY_USE_RAW_TIME: Readonly<Record<string, readonly string[]>> = {
  "host/real-clock.ts": RAW_TIME.map(([name]) => name),
  "host/print.ts": ["a blocking wait"],
  "store/sqlite/sqlite-connection.ts": ["a blocking wait"],
  "store/original/original-database.ts": ["a blocking wait"],
};

/** Those that put parts together, and the machine itself; all others are given their clock. */
const NAME_THE_REAL_CLOCK = new Set(["host", "daemon", "cli", "main.ts", "lib.ts"]);

/** Packages with a home: the rooms that may import them. */
const HOMES: readonly (readonly [prefix: string, rooms: readonly string[], said: string])[] = [
  ["@noble/", ["core"], "only core imports @noble"],
  ["@number0/iroh", ["transport"], "only transport imports @number0/iroh"],
  ["citty", ["cli", "main.ts"], ""],
  ["consola", ["host"], ""],
  ["@modelcontextprotocol/", ["mcp"], "only mcp imports @modelcontextprotocol"],
];

/** What a dialect can say is asked of wire, so that the next one is told apart in one place. */
const NAMES_A_DIALECT = /\bdialect\s*[!=]==?\s*["'](pilot|entmoot\/1)["']/;
const KNOW_DIALECTS = new Set(["wire", "transport"]);

/** Every rule that `file` breaks, one sentence each; none when it keeps them all. */
export function faultsOf(file: SourceFile): string[] {
  const room = roomOf(file.path);
  const rank = rankOf(room);
  if (rank < 0) return [`${file.path}: ${room} is not a room`];
  const code = withoutComments(file.text);
  const said = importsOf(code).flatMap((to) => faultOfImport({ path: file.path, room, rank, to }) ?? []);
  if (!KNOW_DIALECTS.has(room) && NAMES_A_DIALECT.test(code)) said.push(`${room} may not name a dialect; ask wire`);
  const bare = withoutStrings(code);
  if (PURE.has(room)) {
    for (const [name, pattern] of FORBIDDEN_IN_PURE) if (pattern.test(bare)) said.push(`${room} may not use ${name}`);
  } else {
    const allowed = MAY_USE_RAW_TIME[file.path] ?? [];
    const used = RAW_TIME.filter(([name, pattern]) => pattern.test(bare) && !allowed.includes(name));
    for (const [name] of used) said.push(`only host/real-clock.ts may use ${name}; take a Clock`);
  }
  return said.map((fault) => `${file.path}: ${fault}`);
}

interface Import {
  readonly path: string;
  readonly room: string;
  readonly rank: number;
  readonly to: string;
}

function faultOfImport({ path, room, rank, to }: Import): string | undefined {
  if (to.startsWith(".")) {
    const target = normalize(join(dirname(path), to));
    if (target.startsWith("..")) return `imports ${to}, which is outside src`;
    if (!/\.(ts|json|sql)$/.test(to)) return `imports ${to}, which should end in .ts`;
    const other = roomOf(target);
    if (other === "lib.ts") return "imports lib.ts; nothing inside imports lib.ts";
    if (target === "host/real-clock.ts" && !NAME_THE_REAL_CLOCK.has(room)) {
      return `${room} may not import the real clock; take a Clock`;
    }
    if (other === room || rankOf(other) < rank) return undefined;
    return `${room} may not import ${other} (${to})`;
  }
  if (TIMER_MODULE.test(to)) return `${room} may not import ${to}; take a Clock`;
  if (room === "machine" && to === "valibot") return "machine may not import valibot";
  for (const [prefix, rooms, said] of HOMES) {
    if ((to === prefix || to.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`)) && !rooms.includes(room)) {
      return said || `${room} may not import ${to}`;
    }
  }
  const allowed = PURE_MODULES[room];
  const runtime = /^(node|bun):|^bun$/.test(to) || BUILTIN.has(to.split("/")[0]!);
  return allowed !== undefined && runtime && !allowed.includes(to) ? `${room} may not import ${to}` : undefined;
}

/** Modules of the runtime that can be named without `node:`. */
const BUILTIN = new Set(
  "assert buffer child_process cluster crypto dgram dns events fs http http2 https net os path process stream timers tls url util v8 vm worker_threads zlib".split(
    " ",
  ),
);

function roomOf(path: string): string {
  return path.split("/")[0]!;
}

function rankOf(room: string): number {
  return ORDER.findIndex((group) => group.includes(room));
}

/** Static, dynamic, `import type`, `export … from`, `import("…")` in types, `require`, `new URL("…", import.meta.url)`. */
function importsOf(code: string): string[] {
  const patterns = [
    /\bfrom\s*["']([^"']+)["']/g,
    /\bimport\s*["']([^"']+)["']/g,
    /\bimport\s*\(\s*["'`]([^"'`]+)["'`]/g,
    /\brequire\s*\(\s*["'`]([^"'`]+)["'`]/g,
    /\bnew\s+URL\s*\(\s*["'`](\.[^"'`]+)["'`]\s*,\s*import\.meta/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([, to]) => to!));
}

/** Comments become blanks; strings stay. A regular expression literal is left alone as far as it holds no `//`. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|(?<![:\\])\/\/[^\n]*/g,
    (_all, string) => string ?? " ",
  );
}

/** Plain strings and regular expression literals become empty; what a template inserts is code and stays. */
function withoutStrings(code: string): string {
  return code
    .replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""')
    .replace(
      /`(?:[^`\\]|\\.)*`/g,
      (template) => [...template.matchAll(/\$\{([^}]*)\}/g)].map(([, code]) => `(${code})`).join(" ") || '""',
    )
    .replace(/(?<=[=(,:[!&|?{};\n]\s*)\/(?![*/\s])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[dgimsuvy]*/g, "/x/");
}
