import { EntmootError } from "../../core/errors.ts";
import { NOTE_VERSION_MAX, signNote } from "../../core/record/note.ts";
import { decodeNoteRule, encodeNoteRule, NOTE_RULE_DEFAULT, type NoteRule } from "../../core/record/note-bodies.ts";
import { requireFounder } from "../change-roster.ts";
import type { Group } from "../group/group.ts";
import { isPublicMoot } from "../group/group-name.ts";
import type { NodeContext } from "../node-context.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type receipt_settings, SETTINGS_MOOTS_MAX } from "../operations/receipts.ts";
import { keepNoteSettings, type NoteSettings, readNoteSettings } from "./note-settings.ts";
import type { OwnNotes } from "./own-notes.ts";

export interface NoteServices extends NodeContext {
  /** `undefined` where no peer is told anything: what is kept is told by the daemon to come. */
  readonly ownNotes: OwnNotes | undefined;
}

/** Tells what is told, changed first where that is said. */
export function changeSettings(
  node: NoteServices,
  request: RequestOf<typeof receipt_settings>,
): AnswerOf<typeof receipt_settings> {
  const { group_id, moot_presence, moot_receipts, presence, send, show_host } = request;
  const isRule = moot_presence !== undefined || moot_receipts !== undefined;
  if (isRule !== (group_id !== undefined)) {
    throw new EntmootError(
      "invalid_argument",
      "receipt settings: expected group_id beside moot_receipts or moot_presence, and only there",
    );
  }
  if (group_id !== undefined) {
    const group = node.requireGroup(group_id);
    requireFounder(group);
    if (isPublicMoot(group.store)) {
      throw new EntmootError("conflict", "this moot is public: nothing of this is told in public moots");
    }
    const before = ruleOf(group);
    setRule(node, group, { receipts: moot_receipts ?? before.receipts, presence: moot_presence ?? before.presence });
  }
  const before = readNoteSettings(node.root.node);
  const after: NoteSettings = {
    send: send ?? before.send,
    presence: presence ?? before.presence,
    showHost: show_host ?? before.showHost,
  };
  if (send !== undefined || presence !== undefined || show_host !== undefined) {
    if (node.ownNotes === undefined) keepNoteSettings(node.root.node, after);
    else node.ownNotes.set(after);
  }
  const moots = node.groups().slice(0, SETTINGS_MOOTS_MAX).map(mootSettings);
  return { send: after.send, presence: after.presence, show_host: after.showHost, moots };
}

function mootSettings(group: Group): AnswerOf<typeof receipt_settings>["moots"][number] {
  const isPublic = isPublicMoot(group.store);
  const { presence, receipts } = isPublic ? { presence: false, receipts: false } : ruleOf(group);
  return { group_id: group.id, receipts, presence, public: isPublic, founder: group.isFounder };
}

function ruleOf({ roster: { founder }, store }: Group): NoteRule {
  const note = founder === undefined ? undefined : store.notes.get({ kind: "rule", author: founder });
  return note === undefined ? NOTE_RULE_DEFAULT : decodeNoteRule(note.body);
}

function setRule({ clock, identity, local, ownNotes }: NoteServices, group: Group, rule: NoteRule): void {
  if (ownNotes !== undefined) {
    ownNotes.setRule(group, rule);
    return;
  }
  const last = group.store.notes.get({ kind: "rule", author: local })?.version ?? 0n;
  const now = BigInt(clock.unix());
  const version = last >= now ? last + 1n : now;
  if (version > NOTE_VERSION_MAX) throw new EntmootError("conflict", "rule: there is no later version than its last");
  const body = encodeNoteRule(rule);
  group.store.notes.change({
    put: [signNote({ seed: identity.seed, kind: "rule", groupId: group.id, version, body })],
  });
}
