import { shownJson } from "../../core/bytes/shown-text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, MerkleRoot, PublicKey, RosterEntryId } from "../../core/ids.ts";
import { mootsHere } from "../../daemon/moots-here.ts";
import { openOperations, openReading } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { absolutePath, homeFolder } from "../../host/home-path.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { moot_export } from "../../node/operations/care.ts";
import { messages, PAGE_MESSAGES_MAX } from "../../node/operations/messages.ts";
import { members } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { HTML, MARKDOWN, type PageFormat } from "../../view/export-text.ts";
import { messageLine } from "../../view/message-line.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { Interrupt } from "../line/interrupt.ts";
import { jsonAlready } from "../line/json-already.ts";
import { oneMoot } from "../line/moot-argument.ts";
import { OutputFile } from "../line/output-file.ts";
import { SlowProgress } from "../line/slow-progress.ts";

const LABEL = "export";
const FORMATS = ["archive", "jsonl", "markdown", "html"] as const;

/** `export`: a moot in a file. */
export const exportCommand = defineCommand({
  meta: { name: LABEL, description: "Write a moot to a file: an archive to verify and import, or a page to read" },
  help: {
    examples: ["entmootd export council council.entmoot", "entmootd export council page.html -format html"],
    exits: [0, 1, 3, 5, 6],
    effect: "the file is written all the same",
    notes: [
      "MOOT is an id or a name, and may be left out where there is one. An archive has roster, policies and messages as they",
      'were signed, and is signed as a whole: "entmootd import" verifies it. The other formats have the messages by time.',
      "The file is 0600, and stands under its name once it is whole.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    words: {
      type: "positional",
      required: false,
      variadic: true,
      valueHint: "[MOOT] FILE",
      description: "moot and file",
    },
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the same as MOOT" },
    format: {
      type: "string",
      default: "archive",
      valueHint: "archive|jsonl|markdown|html",
      description: "what is written",
    },
    force: { type: "boolean", description: "replace a file that stands there" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const format = FORMATS.find((each) => each === args.format);
    if (format === undefined) {
      throw new EntmootError("invalid_argument", `${LABEL}: -format: expected ${FORMATS.join(", ")}`);
    }
    const [first, second, ...more] = args._;
    if (first === undefined || more.length > 0) {
      throw new EntmootError("invalid_argument", `${LABEL}: missing FILE; expected entmootd export [MOOT] FILE`);
    }
    if (second !== undefined && args.group !== undefined) {
      throw new EntmootError("invalid_argument", `${LABEL}: expected MOOT or -group, not both`);
    }
    const group_id = await oneMoot(LABEL, second === undefined ? args.group : first, { options });
    if ((second ?? first) === "-") {
      throw new EntmootError(
        "invalid_argument",
        `${LABEL}: nothing is written to stdout; name a file, or ./- for one called so`,
      );
    }
    const path = absolutePath(second ?? first, () => homeFolder(process.env));
    await namedFailure(LABEL, async () => {
      using interrupt = new Interrupt("nothing was left of the file");
      using file = new OutputFile(path, { mayReplace: args.force ?? false });
      const work = { file, group_id, options, signal: interrupt.signal };
      const said = format === "archive" ? await writeArchive(work) : await writeMessages(work, format);
      file.finish();
      printJson({
        event: "exported",
        group_id: GroupId.toBase64(group_id),
        file: path,
        format,
        bytes: file.bytes,
        ...said,
      });
    });
  },
});

interface Work {
  readonly file: OutputFile;
  readonly group_id: GroupId;
  readonly options: GlobalOptions;
  readonly signal: AbortSignal;
}

async function writeArchive({ file, group_id, options, signal }: Work) {
  await using node = await openOperations(options, { create: false, change: false });
  const progress = new SlowProgress(LABEL, "messages");
  const said = await node.call(
    moot_export,
    { group_id },
    {
      signal,
      onEvent({ chunk, messages, total }) {
        file.write(chunk);
        progress.show(messages, total);
      },
    },
  );
  return {
    messages: said.messages,
    merkle_root: MerkleRoot.toBase64(said.merkle_root),
    roster_entries: said.roster_entries,
    roster_head: RosterEntryId.toBase64(said.roster_head),
    sha256: said.sha256,
    exporter: PublicKey.toBase64(said.exporter),
  };
}

/** By time, oldest first, as `query` has them. */
async function writeMessages(work: Work, format: "jsonl" | "markdown" | "html") {
  const { file, group_id, options, signal } = work;
  await using node = await openReading(options);
  const page = format === "jsonl" ? undefined : format === "html" ? HTML : MARKDOWN;
  const write = (text: string) => file.write(new TextEncoder().encode(text));
  const names = page === undefined ? new Map<number, string>() : await namesIn(node, group_id);
  if (page !== undefined) write(await headOf(page, work));
  const progress = new SlowProgress(LABEL, "messages");
  let count = 0;
  for (let next: string | undefined; ; ) {
    const request = { group_id, by: "time", order: "asc", reserved: true, limit: PAGE_MESSAGES_MAX } as const;
    const found = await node.call(messages, next === undefined ? request : { ...request, page: next }, { signal });
    signal.throwIfAborted();
    for (const row of found.messages) {
      if (page === undefined) write(`${shownJson(JSON.stringify(messageLine(row)))}\n`);
      else write(page.message({ row, author: names.get(row.message.author.pilot_node_id) ?? "" }));
    }
    count += found.messages.length;
    progress.show(count, count);
    if (!found.more) break;
    next = found.next;
  }
  if (page !== undefined) write(page.end(count));
  return { messages: count };
}

async function namesIn(node: Operations, group_id: GroupId): Promise<Map<number, string>> {
  const rows = await node.call(members, { group_id });
  return new Map(rows.members.map(({ hostname, node_id }) => [node_id, hostname]));
}

async function headOf(page: PageFormat, { group_id, options }: Work): Promise<string> {
  const moot = (await mootsHere(options, undefined)).find((each) => each.group_id === group_id);
  return page.head({ name: moot?.name ?? "", groupId: GroupId.toBase64(group_id), madeMs: realClock.unix() });
}
