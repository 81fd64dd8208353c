import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runFile } from "../../src/conformance/run.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const VECTORS = join(import.meta.dir, "../vectors/store");

// biome-ignore lint/suspicious/noExplicitAny: the test reaches anywhere into the file to falsify it.
type Expected = Record<string, any>;

/** Runs the file after `change`, with `archive` beside it. */
async function runChanged(change: (expected: Expected) => void, archive = "root.tar") {
  using directory = new TemporaryDirectory();
  const expected = JSON.parse(readFileSync(join(VECTORS, "expected.json"), "utf8"));
  change(expected);
  writeFileSync(join(directory.path, "expected.json"), JSON.stringify(expected));
  if (archive !== "") copyFileSync(join(VECTORS, archive), join(directory.path, "root.tar"));
  return await runFile(join(directory.path, "expected.json"));
}

test("a value that is not what the data root holds fails the case that reads it", async () => {
  const changes: [name: RegExp, change: (expected: Expected) => void][] = [
    [/merkle_root$/, ({ groups }) => (groups[0].merkle_root = "00".repeat(32))],
    [/messages_all$/, ({ groups }) => groups[0].messages_all.reverse()],
    [/messages_since_0$/, ({ groups }) => groups[0].messages_since_0.pop()],
    [/ids_sorted$/, ({ groups }) => groups[0].ids_sorted.pop()],
    [/latest_3$/, ({ groups }) => groups[0].latest_3.pop()],
    [/topics$/, ({ groups }) => (groups[0].topics[0].count = 11)],
    [/transport_ads$/, ({ groups }) => (groups[0].transport_ads[0].seq = "9")],
    [/profile_ads$/, ({ groups }) => (groups[0].profile_ads[0].hostname = "h")],
    [/message_bodies$/, ({ groups }) => (groups[0].message_bodies[0].canonical += "20")],
    [/roster$/, ({ groups }) => (groups[0].roster.entries = 7)],
    [/roster_tail_torn$/, ({ groups }) => (groups[0].roster_tail_torn = true)],
    [/policies$/, ({ policies }) => ((Object.values(policies) as Expected[])[0]!.retention_days = 31)],
    [/group_metadata$/, (all) => (all.group_metadata = {})],
    [/mailbox_cursors$/, ({ mailbox_cursors }) => (mailbox_cursors[0].client_id = "other")],
    [/identity$/, ({ identity }) => (identity.seed = "00".repeat(32))],
    [/ignored_group_dirs$/, (all) => (all.ignored_group_dirs = [])],
    [/invite$/, (all) => (all.invite = all.invite.replace("31", "32"))],
    [/open_invites$/, ({ open_invites }) => (open_invites[0].use_count = 2)],
    [/files$/, ({ files }) => files.pop()],
  ];
  for (const [name, change] of changes) {
    const { failures, unknown } = await runChanged(change);
    expect(failures.map((failure) => failure.name).filter((found) => !name.test(found))).toEqual([]);
    expect(`${name} ${failures.length}`).toBe(`${name} 1`);
    expect(unknown).toBe(0);
  }
});

test("without its archive, or with another, every case fails", async () => {
  for (const archive of ["", "expected.json"]) {
    const { passed, failed } = await runChanged(() => {}, archive);
    expect(passed).toBe(0);
    expect(failed).toBe(42);
  }
});
