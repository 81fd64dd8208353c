import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { argsOf } from "../../src/cli/line/argv.ts";
import { globalFlags } from "../../src/cli/line/global-flags.ts";
import { jsonAlready } from "../../src/cli/line/json-already.ts";
import { everyCommand } from "../support/every-command.ts";
import { DOING, LOOKING } from "../support/seen-flags.ts";

/** Where a test gives the flag to its command, by file; those of every command stand under `info`. */
const TESTED: Readonly<Record<string, string>> = {
  "cli/agent-socket.test.ts": "update -check",
  "cli/arguments.test.ts": "group leave -group",
  "cli/commands/update.test.ts":
    "update -install-dir, update -prerelease, update -repo, update -restart, update -version",
  "cli/doctor/founder-and-backup.test.ts": "invite link -alone",
  "cli/line/argv.test.ts": "info -relay, join -serve",
  "cli/line/esp-flags.test.ts":
    "esp serve -device-keys, esp serve -allow-non-loopback, esp serve -allow-host, esp serve -tls-key, esp serve -apns-team-id, esp serve -apns-key-id, esp serve -apns-key, esp serve -apns-sandbox, esp serve -bonjour-name, serve -esp-auth-mode, serve -esp-device-keys, serve -esp-allow-non-loopback, serve -esp-allow-host, serve -esp-rate-limit, serve -esp-apns-team-id, serve -esp-apns-key-id, serve -esp-apns-topic, serve -esp-apns-key, serve -esp-apns-sandbox, serve -esp-bonjour-name",
  "cli/line/global-flags.test.ts": "info -iroh-bind, info -lan, info -listen-port, info -pilot-wait-timeout",
  "cli/line/hints.test.ts": "info -json",
  "cli/line/man-page.test.ts": "man -dir",
  "cli/live-commands.test.ts":
    "deliver -as, deliver -hops, deliver -json, deliver -quiet, deliver -rule, publish -reference, read -json, reply -content",
  "cli/moot-names.test.ts":
    "mailbox ack -client, mailbox ack -group, mailbox ack -message, mailbox pull -client, mailbox pull -group, prune -group, query -author, search -author, search -group, search -json, verify -group, export -group",
  "cli/offline-commands.test.ts":
    "group create -description, group create -join-mode, group create -name, group create -policy, group create -tag, group create -visibility, group public descriptor -group, group public descriptor -valid-for, info -identity, info -transport, invite create -group, invite create -valid-for, invite link -group, invite link -uses, invite link -valid-for, invite list -group, invite revoke -link, peers -json, peers -probe, publish -content, publish -token, publish -topic, roster add -group, roster add -pubkey, roster remove -pubkey",
  "cli/own-moots.test.ts":
    "group forget -keep, group forget -yes, group leave -wait, group leave -yes, group list -json, group update -description, group update -name, group update -tag, policy explain -file, policy explain -topic, policy set -file, policy set -json, policy set -preset, policy set -retention, policy status -json, roster history -before, roster history -json, roster history -limit, roster list -json, roster remove -member",
  "cli/places.test.ts": "ask -group, info -json-errors, query -order, tail -after, tail -count",
  "host/runtime-report.test.ts": "info -data, info -hide-ip, info -log-level, info -socket",
  "hosts/attach-doors.test.ts": "attach -url",
  "hosts/attach.test.ts": "attach -as, attach -status",
  "hosts/claude-monitor.test.ts": "attach -door, attach -dry-run, attach -test",
  "install/lock.test.ts": "update-lock -timeout",
  "install/shells.test.ts": "update-lock -install-dir",
  "process/attach-hosts.test.ts": "attach -group, attach -link",
  "process/attach.test.ts": "attach -agent, attach -wait, setup -print",
  "process/beside-original.test.ts": "group policy status -group, up -agent-socket",
  "process/bootstrap.test.ts":
    "bootstrap agent -action, bootstrap agent -agent-instructions, bootstrap agent -as, bootstrap agent -attach, bootstrap agent -default-moot, bootstrap agent -dry-run, bootstrap agent -group, bootstrap agent -interactive, bootstrap agent -json, bootstrap agent -live-mode, bootstrap agent -max-action-bytes, bootstrap agent -max-actions, bootstrap agent -node, bootstrap agent -runner, bootstrap agent -runner-command, bootstrap agent -topic, bootstrap agent -yes",
  "process/care.test.ts": "export -force, export -format",
  "process/data-gone.test.ts": "env -exit-code",
  "process/default-moot.test.ts":
    "default-moot decline -json, default-moot join -dry-run, default-moot join -intro, default-moot join -json, default-moot join -timeout, default-moot leave -json, default-moot live off -json, default-moot live off -node, default-moot live on -json, default-moot live on -node, default-moot status -json",
  "process/doctor.test.ts":
    "doctor -dry-run, doctor -exit-code, doctor -fix, doctor -json, doctor -redact, doctor -timeout, health -timeout, info -iroh-port, peers -redact, roster add -alone, roster heal -dry-run, roster heal -group, roster heal -keep",
  "process/flags-of-two.test.ts":
    "ask -force, ask -json, ask -token, ask -topic, group forget -force, inbox -group, inbox -limit, info -pilot-wait-base-delay, info -pilot-wait-max-delay, info -trace-gossip-transport, info -trace-reconcile, join -agent-socket, join -timeout, mcp -group, mcp -wake, monitor -group, mute -group, publish -force, receipts -limit, reply -timeout, reply -token, roster add -node, roster remove -node, roster remove -revoke-links, serve -supervised, tail -receipts, unmute -group, voice add -group, voice add -link",
  "process/founder-restored.test.ts": "roster heal -yes, roster remove -alone, tail -members",
  "process/given-times.test.ts": "publish -timeout, publish -wait, stop -timeout, tail -timeout",
  "process/inbox.test.ts":
    "ask -file, ask -wait, deliver -from, inbox -ack, inbox -asks, inbox -follow, inbox -json, inbox -through, inbox -wait, mute -for, read -peek, reply -file, reply -force, thread -json",
  "process/install-to-uninstall.test.ts": "update -json, update -rollback",
  "process/links-as-pasted.test.ts": "up -group, up -stdin",
  "process/esp-devices.test.ts":
    "esp device add -id, esp device add -pubkey, esp device add -group, esp device add -admin-group, esp device add -client, esp device add -disabled, esp device add -device-keys, esp device onboard -id, esp device onboard -group, esp device onboard -admin-group, esp device onboard -client, esp device onboard -disabled, esp device onboard -device-keys, esp device rotate-key -id, esp device rotate-key -pubkey, esp device rotate-key -device-keys, esp device grant -id, esp device grant -group, esp device grant -admin-group, esp device grant -device-keys, esp device revoke -id, esp device revoke -group, esp device revoke -admin-group, esp device revoke -device-keys, esp device grant-admin -id, esp device grant-admin -group, esp device grant-admin -device-keys, esp device revoke-admin -id, esp device revoke-admin -group, esp device revoke-admin -device-keys, esp device enable -id, esp device enable -device-keys, esp device disable -id, esp device disable -device-keys, esp device remove -id, esp device remove -device-keys, esp device list -device-keys, esp sign-request -device, esp sign-request -private-key-file, esp sign-request -method, esp sign-request -path, esp sign-request -timestamp-ms, esp sign-request -nonce, esp sign-request -show-input, esp routes -json",
  "process/open-invites.test.ts": "esp directory set -group, esp directory set -status, esp directory forget -group",
  "process/esp.test.ts":
    "esp serve -addr, esp serve -auth-mode, esp serve -token, esp serve -apns-topic, esp serve -tls-cert, esp serve -rate-limit, serve -esp, serve -esp-token, serve -esp-tls-cert, serve -esp-tls-key, esp sign-request -body",
  "process/mailbox.test.ts":
    "mailbox ack -through, mailbox cursor -client, mailbox cursor -group, mailbox pull -limit, mailbox pull -mentions, mailbox pull -topic, mailbox pull -wait",
  "process/mcp.test.ts": "mcp -channel, mcp -read-only",
  "process/own-checks.test.ts": "conformance -json",
  "process/policy-and-leaving.test.ts":
    "group policy clear -json, group policy explain -json, policy clear -json, policy explain -json",
  "process/public-moots.test.ts":
    "group public descriptor -json, group public publish -esp-url, group public publish -group, group public publish -json, group public publish -valid-for, invite link -esp-url",
  "process/receipts.test.ts": "receipts -group, receipts -json, receipts -moot, receipts -presence",
  "process/said-and-done.test.ts": "join -hostname, serve -hostname, up -hostname",
  "process/terminal.test.ts": "up -moot",
  "process/up.test.ts": "up -after",
  "process/update.test.ts": "up -json, update -exit-code",
  "process/whose-daemon.test.ts": "peers -timeout, serve -agent-socket",
  "process/wrong-clock.test.ts": "group create -retention",
  "scripts/build.test.ts": "env -json",
  "store/backup.test.ts": "restore -original-stopped",
  "view/peer-report.test.ts": "doctor -group, doctor -probe, serve -group",
};

/** Shown by process/flags-seen.test.ts without a row of its own, and what a shell alone asks with. */
const BESIDE_ROWS = ["stats -svg", "reply -topic", "complete -shell", "complete -empty"];

const split = (text: string) => text.split(/,\s*/).filter((each) => each !== "");

test("every flag has a test that gives it to its command", async () => {
  const flags: string[] = [];
  for (const [path, command] of await everyCommand()) {
    for (const [flag, def] of Object.entries(await argsOf(command))) {
      const isOfAll = globalFlags[flag as keyof typeof globalFlags] === def && path[0] !== "info";
      // Accepted, and nothing changes by it: `cli/line/json-already.test.ts`.
      if (def === jsonAlready.json && path[0] !== "info") continue;
      if (def.type !== "positional" && !isOfAll) flags.push(`${path.join(" ")} -${flag}`);
    }
  }
  const rows = [...Object.values(TESTED).flatMap(split), ...Object.keys({ ...LOOKING, ...DOING }), ...BESIDE_ROWS];
  expect(rows.toSorted()).toEqual(flags.toSorted());
});

test("each file named has the flag and its command", () => {
  for (const [file, names] of Object.entries(TESTED)) {
    const text = readFileSync(join(import.meta.dir, "..", file), "utf8");
    for (const name of split(names)) {
      const flag = name.split(" ").at(-1)!;
      const word = name.split(" ").at(-2)!;
      const missing = [...(name.startsWith("info ") ? [] : [word]), flag].filter(
        (each) => !new RegExp(`["'\`\\s]-?${each}(?![a-z-])`).test(text),
      );
      expect([file, name, missing]).toEqual([file, name, []]);
    }
  }
});
