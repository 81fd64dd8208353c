import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { mootOf } from "../../http/directory.ts";
import { parseGroupId } from "../../http/group-id-text.ts";
import { HttpFailure } from "../../http/http-failure.ts";
import { DIRECTORY_STATUSES, type DirectoryRow, type DirectoryStatus } from "../../store/esp-store.ts";
import { SqliteEsp } from "../../store/sqlite/sqlite-esp.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { type GlobalArgs, globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const exits = [0, 1, 5] as const;
/** Ours. The original lets anybody fill its directory: its file may hold more than ours does. */
const ROWS_MAX = 100_000;

const group = { type: "string", valueHint: "GID", description: "id of the moot (required)" } as const;
const notes = ["Works beside a running service, which goes by it from its next request on, and without one."];

type GivenArgs = Readonly<Record<string, unknown>>;

const list = defineCommand({
  meta: { name: "list", description: "Print every moot of the directory, the last changed first" },
  help: { examples: ["entmootd esp directory list"], exits, notes },
  args: globalFlags,
  async run({ args }) {
    await namedFailure("esp directory list", async () => {
      using esp = espOf(args);
      printJson({ public_moots: esp.directory.all(ROWS_MAX).map(rowJson) });
    });
  },
});

const set = defineCommand({
  meta: { name: "set", description: "List, hold back, delist or block a moot" },
  help: {
    examples: ["entmootd esp directory set -group GID -status delisted"],
    exits,
    notes: [...notes, "A moot that is blocked takes every other of its founder with it: none is taken any more."],
  },
  args: {
    ...globalFlags,
    group,
    status: {
      type: "string",
      valueHint: "STATUS",
      description: `${DIRECTORY_STATUSES.join(", ")} (required)`,
    },
  },
  async run({ args }) {
    await namedFailure("esp directory set", async () => {
      const id = groupOf(args);
      const status = statusOf(args.status);
      using esp = espOf(args);
      const row = esp.directory.setStatus(id, status, realClock.unix());
      if (row === undefined) throw notThere(id);
      printJson(rowJson(row));
    });
  },
});

const forget = defineCommand({
  meta: { name: "forget", description: "Forget a moot, with the key that is its founder's here" },
  help: {
    examples: ["entmootd esp directory forget -group GID"],
    exits,
    notes: [...notes, "Whoever tells it next is its founder here: for one that a stranger told first."],
  },
  args: { ...globalFlags, group },
  async run({ args }) {
    await namedFailure("esp directory forget", async () => {
      const id = groupOf(args);
      using esp = espOf(args);
      if (!esp.directory.forget(id)) throw notThere(id);
      printJson({ status: "forgotten", group_id: GroupId.toBase64(id) });
    });
  },
});

/** `esp directory`: what the directory of this service shows. */
export const espDirectory = defineCommand({
  meta: { name: "directory", description: "Keep the public directory of the HTTP service" },
  help: {
    examples: ["entmootd esp directory list", "entmootd esp directory set -group GID -status blocked"],
    exits,
    ops: {
      missing: "esp directory: expected list, set or forget",
      unknown: (op) => `esp directory: unknown op ${op}; expected list, set or forget`,
    },
  },
  subCommands: { list, set, forget },
});

function espOf(args: GivenArgs): SqliteEsp {
  const options = parseGlobalOptions(args as GlobalArgs, process.env);
  requireOwner(options, "esp directory");
  return new SqliteEsp(options.dataDir);
}

function groupOf({ group: given }: GivenArgs): GroupId {
  if (typeof given !== "string" || given === "") throw new EntmootError("invalid_argument", "-group is required");
  try {
    return parseGroupId(given);
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    throw new EntmootError("invalid_argument", `-group: ${error.message.replace(/^group_id: /, "")}`, { cause: error });
  }
}

function statusOf(given: unknown): DirectoryStatus {
  const status = DIRECTORY_STATUSES.find((one) => one === given);
  if (status !== undefined) return status;
  const expected = DIRECTORY_STATUSES.join(", ");
  if (given === undefined || given === "") {
    throw new EntmootError("invalid_argument", `-status is required: one of ${expected}`);
  }
  throw new EntmootError("invalid_argument", `-status: expected one of ${expected}, found ${JSON.stringify(given)}`);
}

function notThere(id: GroupId): EntmootError {
  return new EntmootError(
    "not_found",
    `the directory has no moot ${GroupId.toBase64(id)}; see "entmootd esp directory list"`,
  );
}

function rowJson(row: DirectoryRow) {
  const moot = mootOf(row);
  return {
    group_id: GroupId.toBase64(row.groupId),
    status: row.status,
    ...(moot === undefined ? {} : { name: moot.name, founder_pubkey: row.founderKey, updated_at_ms: row.updatedMs }),
    ...((moot?.expiresMs ?? 0) === 0 ? {} : { expires_at_ms: moot?.expiresMs }),
    indexed_at_ms: row.indexedMs,
    status_updated_at_ms: row.statusMs,
  };
}
