import { readArchiveLine } from "../../core/archive/archive-lines.ts";
import { sha256Hex } from "../../core/bytes/sha256.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { formatPolicy, parsePolicy } from "../../core/policy/policy.ts";
import type { Group } from "../group/group.ts";
import { groupName, METADATA_FACT } from "../group/group-name.ts";
import { POLICY_FACT } from "../group/group-policy.ts";
import { noteMootName } from "../kept-names.ts";
import type { NodeContext } from "../node-context.ts";
import type { Imported, ImportProgress } from "../operations/care.ts";
import type { Call } from "../operations/implementation.ts";
import { Turns } from "../turns.ts";
import { whenWritable } from "../when-writable.ts";
import { ArchiveFile } from "./archive-file.ts";
import { type PartPlace, type VerifiedArchive, verifyArchive } from "./verify-archive.ts";

/** Ours. Messages read in one turn: some two milliseconds, and a commit has several of them. */
const STEP_MESSAGES = 256;
/** Ours. Bytes of what a moot is called, as it is kept. */
const METADATA_BYTES_MAX = 256 * 1024;

/** What verifies an archive; a file that is not as it was written is refused with what to do then. */
async function verified(verify: () => Promise<VerifiedArchive>): Promise<VerifiedArchive> {
  try {
    return await verify();
  } catch (cause) {
    if (!(cause instanceof EntmootError) || cause.code !== "invalid_argument") throw cause;
    const next = cause.message.includes("newer entmootd") ? "" : "; ask for a new export";
    throw new EntmootError(cause.code, `${cause.message}; nothing was stored${next}`, { cause });
  }
}

/** Takes in an archive: all of it is verified before anything is done. */
export async function importMoot(
  context: NodeContext,
  { path }: { readonly path: string },
  call: Call<ImportProgress>,
): Promise<Imported> {
  const turns = new Turns(context.clock);
  await using file = await ArchiveFile.open(path);
  const progress = (stage: ImportProgress["stage"]) => (done: number) => call.emit({ stage, done, total: file.size });
  const archive = await verified(() =>
    verifyArchive(file, { turns, signal: call.signal, onProgress: progress("verify") }),
  );
  const { created, group, roster } = await groupOf(context, archive, call.signal);
  const tally = new ImportTally();
  const parts = new PartsUnderWay();
  try {
    for (const part of archive.parts) {
      call.signal.throwIfAborted();
      const bodies = await bodiesOf(file, part);
      const taking: Promise<void>[] = [];
      // What is taken in at the same time shares a commit, which is a sync of the disk.
      for (let at = 0; at < bodies.length; at += STEP_MESSAGES) {
        await turns.take();
        const piece = bodies.slice(at, at + STEP_MESSAGES);
        taking.push(parts.begin(group.ingest(piece, sourceOf(context, archive)).then((done) => tally.add(done))));
      }
      await parts.before();
      parts.next(taking, () => progress("store")(part.offset + part.length));
    }
    await parts.before();
  } finally {
    await parts.settled();
  }
  await group.ordered("root");
  const { end } = archive;
  return {
    group_id: group.id,
    name: groupName(group.store),
    created,
    member: group.self !== undefined,
    messages: end.messages,
    ...tally.counts,
    roster,
    archive_root: end.merkle_root,
    merkle_root: group.store.messages.merkleRoot(),
    exporter: end.exporter,
    exporter_is_member: group.roster.members.has(end.exporter),
    founder: group.roster.founder,
  };
}

function sourceOf({ local }: NodeContext, { signed }: VerifiedArchive) {
  return { from: local, via: "pull", isHandedIn: true, history: { signed } } as const;
}

/** The messages of a part, which must be the bytes that were verified. Throws `conflict`. */
async function bodiesOf(file: ArchiveFile, { length, offset, sha256 }: PartPlace): Promise<Uint8Array[]> {
  const bytes = await file.piece(offset, length);
  if (bytes === undefined || sha256Hex(bytes) !== sha256) {
    throw new EntmootError(
      "conflict",
      `${file.path}: it was changed while it was imported; what was stored stays, and is verified; import it again`,
    );
  }
  const bodies: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; ) {
    const feed = bytes.indexOf(0x0a, from);
    const read = readArchiveLine(bytes.subarray(from, feed));
    if (read?.kind === "message") bodies.push(read.body);
    from = feed + 1;
  }
  return bodies;
}

interface Taken {
  readonly group: Group;
  readonly created: boolean;
  readonly roster: Imported["roster"];
}

async function groupOf(context: NodeContext, archive: VerifiedArchive, signal: AbortSignal): Promise<Taken> {
  const { group_id } = archive.head;
  const reason = context.unopened().get(group_id);
  if (reason !== undefined) throw reason;
  const held = context.group(group_id);
  await whenWritable(context.clock, [held?.store ?? context.root.node], signal);
  const group = held ?? make(context, archive);
  const roster = held === undefined ? "extended" : takeRoster(context, held, archive);
  const { heals, sideEntries } = archive.roster;
  if (sideEntries.length > 0 || heals.length > 0) group.acceptForks(sideEntries, heals, context.local);
  return { group, created: held === undefined, roster };
}

function make(context: NodeContext, { head, roster }: VerifiedArchive): Group {
  const policy = head.policy === undefined ? undefined : formatPolicy(parsePolicy(head.policy));
  context.refuseGoing(head.group_id);
  const store = context.root.createGroup(head.group_id);
  try {
    const metadata = metadataOf(head.metadata);
    if (metadata !== undefined) store.setFact(METADATA_FACT, metadata);
    if (policy !== undefined) store.setFact(POLICY_FACT, policy);
    store.roster.append(roster.log.entries);
    const group = context.adopt(head.group_id, roster.log);
    noteMootName(context.root.node, store);
    return group;
  } catch (error) {
    try {
      context.abandon(head.group_id);
    } catch {
      // What is left goes at the next start; why there is no group is what went wrong first.
    }
    throw error;
  }
}

function takeRoster({ local }: NodeContext, group: Group, { roster }: VerifiedArchive): Imported["roster"] {
  const [first] = roster.log.entries;
  if (first?.id !== group.roster.log.entries[0]?.id) {
    throw new EntmootError(
      "roster_rejected",
      `the archive is of another moot with the id ${GroupId.toBase64(group.id)}: its roster begins with another entry; nothing was taken`,
    );
  }
  const outcome = group.acceptRoster(roster.log.entries, local);
  if (outcome === "rejected" || outcome === "gap") {
    throw new EntmootError(
      "roster_rejected",
      "the roster of the archive does not go with the one here; nothing was taken",
    );
  }
  return outcome;
}

/** As it is kept, where it is an object of usual size. */
function metadataOf(text: string | undefined): string | undefined {
  if (text === undefined || text.length > METADATA_BYTES_MAX) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Parts that are being stored while the next one is read; the first failure ends it. */
class PartsUnderWay {
  #before: Promise<void> = Promise.resolve();

  /** A failure is told where the part is awaited, and is no other's before. */
  begin(piece: Promise<void>): Promise<void> {
    piece.catch(() => {});
    return piece;
  }

  /** Throws what kept the part before from being stored. */
  before(): Promise<void> {
    return this.#before;
  }

  next(pieces: readonly Promise<void>[], onStored: () => Promise<void>): void {
    this.#before = this.begin(Promise.all(pieces).then(onStored));
  }

  async settled(): Promise<void> {
    await this.#before.catch(() => {});
  }
}

/** What became of the messages. */
class ImportTally {
  readonly counts = {
    stored: 0,
    known: 0,
    owed: 0,
    refused: 0,
    unknown_author: 0,
    reason: undefined as string | undefined,
  };

  add(ingested: Awaited<ReturnType<Group["ingest"]>>): void {
    this.counts.stored += ingested.stored.length;
    this.counts.known += ingested.known.length;
    this.counts.owed += ingested.owed.length;
    this.counts.refused += ingested.refused.length + ingested.malformed;
    this.counts.unknown_author += ingested.unknownAuthor.length;
    this.counts.reason ??= ingested.reason;
  }
}
