import type { Neighbours } from "../../core/agents/trust.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import type { EspOptions } from "../../daemon/esp-options.ts";
import { NEIGHBOURS_LINE_MAX, parseNeighbours } from "../../daemon/neighbour-keys.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { type Daemon, startDaemon, untilEnding } from "../../daemon/start-daemon.ts";
import type { Esp } from "../../daemon/start-esp.ts";
import { announceJson } from "../../host/print.ts";
import { type NodeStatus, status, stop } from "../../node/operations/daemon.ts";
import { DefaultMootFile } from "../../store/default-moot-file.ts";
import { readiness } from "../../view/readiness.ts";
import { defineCommand, repeated } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { daemonFlags, parseDaemonFlags } from "../line/daemon-flags.ts";
import { daemonEspFlags, parseEspFlags, refuseEspFlags } from "../line/esp-flags.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "serve";

/** `serve`: the daemon of a data root, in the foreground, until it is asked to end. */
export const serve = defineCommand({
  meta: { name: "serve", description: "Run the daemon: keep moots in step with peers and answer commands" },
  help: {
    examples: [
      "entmootd serve",
      "entmootd serve -group GID -relay off",
      "entmootd serve -esp 127.0.0.1:8087 -esp-token TOKEN",
    ],
    exits: [0, 1, 2, 3, 5, 6],
    words: ["group"],
    notes: [
      "Prints one line with event serving when it is ready, then nothing on stdout. SIGINT, SIGTERM and",
      '"entmootd stop" end it cleanly. Creates this node\'s identity when the data root has none.',
    ],
  },
  args: {
    ...globalFlags,
    group: {
      type: "string",
      repeatable: true,
      valueHint: "GID",
      defaultHint: "all joined groups",
      description: "serve only this group",
    },
    ...daemonFlags,
    ...daemonEspFlags,
    supervised: { type: "boolean", description: "end when stdin closes, as below a daemon that keeps voices" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const wanted: GroupId[] = [];
    for (const text of repeated(args.group))
      wanted.push(await parseMoot(`${LABEL}: invalid -group`, text, { options }));
    const env = process.env;
    if (args.esp === undefined) refuseEspFlags(LABEL, args);
    const esp =
      args.esp === undefined ? undefined : parseEspFlags({ label: LABEL, args, prefix: "esp-", options, env });
    await namedFailure(LABEL, async () => {
      await using daemon = await startDaemon(options, {
        command: LABEL,
        control: true,
        ...parseDaemonFlags(LABEL, args),
        ...(wanted.length === 0 ? {} : { only: new Set(wanted) }),
      });
      const { groups, unopened } = await daemon.node.call(status, {});
      requireSomeLeft(options, { groups, unopened });
      const stranger = groups.find((group) => wanted.includes(group.group_id) && !group.local_member);
      if (stranger !== undefined) {
        const group = GroupId.toBase64(stranger.group_id);
        throw new EntmootError("not_member", `${LABEL}: group ${group}: local node is not a current group member`);
      }
      await using service = esp && (await serveHttp(daemon, options, esp));
      announceJson({ ...(await readiness(daemon.node)), ...(service === undefined ? {} : { esp_url: service.url }) });
      if (args.supervised === true) {
        hearNeighbours((neighbours) => {
          daemon.node.neighbours = neighbours;
        });
        endWithStdin(() => daemon.node.call(stop, {}));
      }
      await untilEnding(daemon);
    });
  },
});

/** The HTTP service on the node of this daemon. */
async function serveHttp({ log, node }: Daemon, options: GlobalOptions, esp: EspOptions): Promise<Esp> {
  const { startEsp } = await import("../../daemon/start-esp.ts");
  const { nodeOfDaemon } = await import("../../daemon/service-node.ts");
  return startEsp(options, esp, { log, node: nodeOfDaemon(node) });
}

/** Throws `group_not_found` where all there is to serve was declined. */
function requireSomeLeft(options: GlobalOptions, { groups, unopened }: Pick<NodeStatus, "groups" | "unopened">): void {
  const { consent, group_id } = new DefaultMootFile(options.dataDir).read();
  if (consent !== "declined" || groups.length > 0 || unopened.length === 0) return;
  if (unopened.some((moot) => moot.group_id !== group_id)) return;
  throw new EntmootError(
    "group_not_found",
    `${LABEL}: the only group here is declined; take it up again with "entmootd default-moot join", or make or join another`,
  );
}

/** Whoever started this process holds the other end: it closes with that one, however that ends. */
function endWithStdin(end: () => unknown): void {
  for (const event of ["end", "close", "error"] as const) process.stdin.once(event, end);
  process.stdin.resume();
}

/** Lines of the daemon above; what is no such line says nothing. */
function hearNeighbours(hear: (neighbours: Neighbours) => void): void {
  let rest = "";
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(0, NEIGHBOURS_LINE_MAX);
    for (const line of lines) {
      const neighbours = line.length > NEIGHBOURS_LINE_MAX ? undefined : parseNeighbours(line);
      if (neighbours !== undefined) hear(neighbours);
    }
  });
}
