import { EntmootError } from "../../core/errors.ts";
import { connectToChange } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { type Daemon, startDaemon, untilEnding } from "../../daemon/start-daemon.ts";
import { announceJson, printJson, printProse } from "../../host/print.ts";
import { join as joinOperation } from "../../node/operations/invites.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { readiness } from "../../view/readiness.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { daemonFlags, parseDaemonFlags } from "../line/daemon-flags.ts";
import { defaultMootSource } from "../line/default-moot-source.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { loadJoinInput } from "../line/join-input.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "join";
/** Wire. The default of the original's flag, and what 0 or less stands for. */
const TIMEOUT_MS = 90_000;
/** Ours. What a daemon has on top to tell how it ended. */
const ANSWER_MS = 10_000;
/** Ours. As many at a time as anybody pastes. */
const INPUTS_MAX = 64;

/** `join`: into one or more moots, by link or invite. */
export const join = defineCommand({
  meta: { name: "join", description: "Join moots by link or invite" },
  help: {
    examples: ["entmootd join entmoot://join/…", "entmootd join invite.json -serve"],
    exits: [0, 1, 2, 3, 5, 6],
    effect: 'the joining is done all the same; "entmootd info" shows the moot',
    notes: [
      "INPUT is a link, or an invite, an open invite or a public moot's descriptor as a file, an https URL or - for",
      "stdin. An open invite is redeemed over HTTPS with this node's key. A running daemon does the joining;",
      "without one this command does, and -serve keeps it running as the daemon afterwards. One line with event",
      "joined for each input; progress goes to stderr. Joining a group again is not an error.",
    ],
  },
  args: {
    ...globalFlags,
    input: {
      type: "positional",
      required: false,
      variadic: true,
      valueHint: "INPUT",
      description: "link, file, URL or -",
    },
    serve: { type: "boolean", description: "keep running as the daemon after joining" },
    timeout: { type: "string", default: "90s", valueHint: "D", description: "how long each input may take" },
    ...daemonFlags,
    ...jsonAlready,
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const timeoutMs = parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    if (args._.length === 0) {
      throw new EntmootError("invalid_argument", `${LABEL}: missing invite (link, file path or http(s) URL)`);
    }
    if (args._.length > INPUTS_MAX)
      throw new EntmootError("invalid_argument", `${LABEL}: at most ${INPUTS_MAX} inputs at a time`);
    if (args["agent-socket"] !== undefined && !args.serve) {
      throw new EntmootError("invalid_argument", `${LABEL}: -agent-socket: only together with -serve`);
    }
    const { pinned_key: pinnedKey } = defaultMootSource(process.env);
    const request = {
      timeoutMs: timeoutMs <= 0 ? TIMEOUT_MS : timeoutMs,
      pinnedKey,
      ...parseDaemonFlags(LABEL, args),
    };
    await namedFailure(LABEL, async () => {
      // All of them, before anything is done about the first.
      const inputs = await Promise.all(args._.map((input) => loadJoinInput(input, request.timeoutMs, pinnedKey)));
      if (args.serve) await joinAndServe(options, { ...request, inputs });
      else await joinOnce(options, { ...request, inputs });
    });
  },
});

interface JoinInputs {
  readonly inputs: readonly string[];
  readonly timeoutMs: number;
  /** Who signs the default moot, unless it is the key that is built in. */
  readonly pinnedKey: string | undefined;
  readonly hostname: string | undefined;
  readonly agentSocket: string | undefined;
}

async function joinOnce(options: GlobalOptions, request: JoinInputs): Promise<void> {
  const client = await connectToChange(options);
  if (client !== undefined) {
    await using daemon = client;
    if (request.hostname !== undefined) {
      throw new EntmootError(
        "invalid_argument",
        `${LABEL}: -hostname: the running daemon keeps the name it has; end it with "entmootd stop" and give the name to "entmootd serve"`,
      );
    }
    await joinAll(daemon, request, { print: printJson });
    return;
  }
  await using daemon = await start(options, request, false);
  await joinAll(daemon.node, request, { ending: daemon.ending, print: printJson });
}

async function joinAndServe(options: GlobalOptions, request: JoinInputs): Promise<void> {
  await using daemon = await start(options, request, true);
  await joinAll(daemon.node, request, { ending: daemon.ending, print: announceJson });
  await untilEnding(daemon);
}

function start(options: GlobalOptions, { agentSocket, hostname }: JoinInputs, control: boolean): Promise<Daemon> {
  return startDaemon(options, { command: LABEL, control, hostname, agentSocket });
}

/** One readiness line for each input, in their order; the first failure ends it, and what was joined stays joined. */
async function joinAll(
  node: Operations,
  { inputs, pinnedKey, timeoutMs }: JoinInputs,
  { ending, print }: { readonly ending?: AbortSignal; readonly print: (value: unknown) => void },
): Promise<void> {
  for (const [at, input] of inputs.entries()) {
    const which = inputs.length === 1 ? "" : ` (${at + 1} of ${inputs.length})`;
    const joined = await node.call(
      joinOperation,
      { input, pinned_key: pinnedKey, timeout_ms: timeoutMs },
      {
        signal: ending,
        timeoutMs: timeoutMs + ANSWER_MS,
        onEvent: ({ stage, message }) => printProse(`${LABEL}${which}: ${stage}: ${terminalText(message, 300)}`),
      },
    );
    print(await readiness(node, { groupId: joined.group_id, status: joined.status }));
  }
}
