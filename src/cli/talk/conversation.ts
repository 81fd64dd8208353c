import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { textOf } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { noteMootUsed } from "../../node/last-moot.ts";
import { type MootStatus, status } from "../../node/operations/daemon.ts";
import { publish } from "../../node/operations/messages.ts";
import { peers } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import type { NodeStore } from "../../store/node-store.ts";
import { behindText } from "../../view/behind-text.ts";
import { nameOf } from "../../view/event-line.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { unmetLines } from "../../view/unmet-text.ts";
import { mootNames, mootsCalled } from "./moot-names.ts";
import { HOW_TO_CHANGE, passes, quoted, RefusedLines } from "./refused.ts";
import { typedLine, WORDS } from "./typed-line.ts";

/** Ours. What a person types is talk, which needs no topic thought up for it. */
export const CHAT_TOPIC = "chat";
/** Ours. Finished lines that wait for their turn; more stay in the terminal. */
const LINES_MAX = 64;
/** Ours. Of who is in a moot, and of which moots there are. */
const ROWS_MAX = 100;
/** Ours. Of a name that somebody typed, in a line about it. */
const SHOWN_MAX = 40;

/** Where the lines of a conversation come from and what is said to them goes. */
export interface Listener {
  note(line: string): void;
  pause(): void;
  resume(): void;
  /** Makes a line the one that is brought back next. */
  remember(line: string): void;
  /** A line was an answer, and is not to be brought back. */
  forget(line: string): void;
  prompt: string;
}

export interface ConversationParts {
  readonly node: Operations;
  readonly settings: NodeStore;
  readonly listener: Listener;
  readonly moots: readonly MootStatus[];
  /** Where what is typed goes to begin with. */
  readonly moot: MootStatus;
  /** Shows the last messages of a moot to which somebody went. */
  readonly onMoot?: (moot: MootStatus) => Promise<void>;
  /** Somebody asked to leave; all that was said before is done. */
  readonly onQuit: () => void;
}

/** What comes of the lines somebody types: each after the one before it, whatever that takes. */
export class Conversation {
  readonly #parts: ConversationParts;
  readonly #refused: RefusedLines;
  #moots: readonly MootStatus[];
  #moot: MootStatus;
  #names: ReadonlyMap<GroupId, string>;
  /** A line that looked like a command, about which is asked. */
  #unclear: string | undefined;
  #isBehindTold = false;
  #waiting = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    this.#refused = new RefusedLines((line) => parts.listener.note(line));
    this.#moots = parts.moots;
    this.#moot = parts.moot;
    this.#names = mootNames(parts.moots);
    this.#goTo(parts.moot);
  }

  /** What a moot is called on its lines; `undefined` where there is but one. */
  async nameOn(groupId: GroupId): Promise<string | undefined> {
    if (!this.#names.has(groupId)) await this.#look();
    return this.#names.size > 1 ? this.#names.get(groupId) : undefined;
  }

  /** How somebody goes to a moot that this node was not in before; empty where it is the one that is gone to already. */
  async wayTo(groupId: GroupId): Promise<string> {
    await this.#look();
    const name = this.#names.get(groupId);
    return name === undefined || groupId === this.#moot.group_id ? "" : `; /moot ${name} goes there`;
  }

  /** Takes a line; `pasted`: it is meant as it stands. */
  hear(line: string, pasted: boolean): void {
    this.#next(() => (pasted ? this.#sayPasted(line) : this.#understand(line)));
  }

  /** Asks to leave once all that was said is done. */
  leave(): void {
    this.#next(async () => this.#parts.onQuit());
  }

  /** Resolves when all that was said up to now is done. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** What was typed and is not published: refused, or asked about without an answer. */
  get unpublished(): readonly string[] {
    return [...this.#refused.texts, ...(this.#unclear === undefined ? [] : [this.#unclear])];
  }

  #next(step: () => Promise<void>): void {
    const { listener } = this.#parts;
    if (++this.#waiting === LINES_MAX) listener.pause();
    // What fails in one line is told, and the next has its turn.
    const told = (error: unknown) => this.#tell(terminalText(textOf(error)));
    this.#work = this.#work
      .then(step)
      .catch(told)
      .finally(() => {
        if (this.#waiting-- === LINES_MAX) listener.resume();
      });
  }

  async #understand(line: string): Promise<void> {
    const typed = typedLine(line);
    const asked = this.#unclear;
    if (asked !== undefined) {
      const answer = answerOf(line);
      if (answer === undefined && (typed.kind === "say" || typed.kind === "unclear"))
        return this.#askAgain(asked, line);
      this.#unclear = undefined;
      if (answer !== undefined) this.#parts.listener.forget(line);
      if (answer === "yes") return this.#say(asked);
      this.#tell("not published; arrow up brings it back");
      this.#showPlace();
      if (answer === "no") return;
    }
    switch (typed.kind) {
      case "nothing":
        return;
      case "say":
        return this.#say(typed.text);
      case "moot":
        return this.#goToCalled(typed.name);
      case "who":
        return this.#tellWho();
      case "again":
        return this.#refused.again((text, groupId) => this.#publish(text, groupId));
      case "help":
        for (const [word, meaning] of WORDS) this.#tell(`${word.padEnd(6)}  ${meaning}`);
        return;
      case "quit":
        return this.#parts.onQuit();
      case "unclear":
        this.#unclear = line;
        this.#tell(`${typed.why}; /help tells what there is. Publish the line as it stands?`);
        this.#parts.listener.prompt = "publish it? y or n, then Enter [n]: ";
    }
  }

  /** What is no answer may be one that was mistyped, so it is neither taken for a no nor published. */
  #askAgain(asked: string, line: string): void {
    const { listener } = this.#parts;
    // Arrow up brings back what is asked about first, and this behind it.
    listener.forget(asked);
    listener.remember(asked);
    this.#tell(`not published: ${quoted(line)}, which is no answer; publish ${quoted(asked)}? y or n`);
  }

  /** A question that was open before is answered with no: what is typed next is not about it. */
  async #sayPasted(text: string): Promise<void> {
    if (this.#unclear !== undefined) this.#tell("not published; arrow up brings it back");
    this.#unclear = undefined;
    await this.#say(text);
  }

  async #say(text: string): Promise<void> {
    this.#showPlace();
    const { group_id } = this.#moot;
    try {
      await this.#publish(text, group_id);
    } catch (error) {
      if (passes(error)) this.#refused.add({ text, group_id });
      const next = passes(error) ? "/again sends it again" : HOW_TO_CHANGE;
      this.#tell(`not published: ${quoted(text)}: ${terminalText(textOf(error))}; ${next}`);
    }
  }

  async #publish(text: string, groupId: GroupId): Promise<void> {
    const content = encodeUtf8(text.toWellFormed());
    const asked = { group_id: groupId, topics: [CHAT_TOPIC], content };
    const published = await this.#parts.node.call(publish, asked);
    const { behind_ms } = published;
    if (behind_ms !== undefined && !this.#isBehindTold) this.#tell(behindText(behind_ms));
    this.#isBehindTold = behind_ms !== undefined;
    for (const line of unmetLines(published)) this.#tell(line);
    noteMootUsed(this.#parts.settings, groupId);
  }

  async #goToCalled(name: string): Promise<void> {
    await this.#look();
    if (name === "") return this.#tellMoots(this.#moots);
    const [found, another] = mootsCalled(this.#moots, name);
    if (found === undefined) {
      this.#tell(`no moot is called ${terminalText(name, SHOWN_MAX)}; there are:`);
      return this.#tellMoots(this.#moots);
    }
    if (another !== undefined) {
      this.#tell(`more than one moot is called ${terminalText(name, SHOWN_MAX)}; say which:`);
      return this.#tellMoots(mootsCalled(this.#moots, name));
    }
    this.#goTo(found);
    await this.#parts.onMoot?.(found);
    this.#tell(`what you type goes to ${this.#called(found)} now`);
  }

  #goTo(moot: MootStatus): void {
    this.#moot = moot;
    noteMootUsed(this.#parts.settings, moot.group_id);
    this.#showPlace();
  }

  #tellMoots(moots: readonly MootStatus[]): void {
    for (const moot of moots.slice(0, ROWS_MAX)) {
      const here = moot.group_id === this.#moot.group_id ? "*" : " ";
      this.#tell(`${here} ${this.#called(moot)}  ${count(moot.members, "member")}, ${count(moot.messages, "message")}`);
    }
    if (moots.length > ROWS_MAX) this.#tell(`  and ${moots.length - ROWS_MAX} more`);
  }

  async #tellWho(): Promise<void> {
    const { peers: rows } = await this.#parts.node.call(peers, { group_id: this.#moot.group_id });
    this.#tell(`${this.#called(this.#moot)}: ${count(rows.length, "member")}`);
    for (const row of rows.slice(0, ROWS_MAX)) {
      const reached = row.connected ? `connected, ${row.route}` : "not connected";
      const what = [row.self ? "you" : reached, ...(row.founder ? ["founder"] : [])];
      this.#tell(`  ${nameOf(row.node_id, row.hostname)}  ${what.join(", ")}`);
    }
    if (rows.length > ROWS_MAX) this.#tell(`  and ${rows.length - ROWS_MAX} more`);
  }

  /** Moots are joined and left while somebody talks. */
  async #look(): Promise<void> {
    this.#moots = (await this.#parts.node.call(status, {})).groups;
    this.#names = mootNames(this.#moots);
    if (this.#unclear === undefined) this.#showPlace();
  }

  #called(moot: MootStatus): string {
    return this.#names.get(moot.group_id) ?? mootNames([moot]).get(moot.group_id)!;
  }

  /** The prompt says where what is typed goes, where that can be asked at all. */
  #showPlace(): void {
    this.#parts.listener.prompt = this.#names.size > 1 ? `${this.#called(this.#moot)}> ` : "> ";
  }

  #tell(line: string): void {
    this.#parts.listener.note(line);
  }
}

/** Enter alone is a no; what is neither is `undefined`. */
function answerOf(line: string): "yes" | "no" | undefined {
  if (/^\s*y(es)?\s*$/i.test(line)) return "yes";
  return /^\s*(no?)?\s*$/i.test(line) ? "no" : undefined;
}

function count(of: number, what: string): string {
  return `${of} ${what}${of === 1 ? "" : "s"}`;
}
