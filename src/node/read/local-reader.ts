import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import type { DataRoot } from "../../store/data-root.ts";
import { Windows } from "../agents/windows.ts";
import { GroupRoster } from "../group/group-roster.ts";
import { READING, type Reading } from "../implementations.ts";
import type { Call, OperationHost } from "../operations/implementation.ts";
import { callInProcess } from "../operations/in-process.ts";
import type { CallOptions, Loose, Operation, Operations } from "../operations/operation.ts";
import { saltTables } from "../salt-tables.ts";
import { Turns } from "../turns.ts";
import type { Moot } from "./moots.ts";

const NOBODY = 'no identity here tells whose inbox it is; "entmootd up" or "entmootd serve" makes one';

saltTables();

/** A data root that is only looked at, beside a daemon or without one: no node of its own, no machines, nothing of a moot changed. */
export class LocalReader implements Operations, OperationHost {
  readonly #root: DataRoot;
  readonly #opened = new Map<GroupId, Moot>();
  readonly #unopened = new Map<GroupId, EntmootError>();
  readonly #reading: Reading;
  #windows: Windows | undefined;

  /** Owns `root`. `local`: the key of its identity, looked up when somebody asks who is who; `undefined` where there is none. */
  constructor(
    root: DataRoot,
    { clock, local }: { readonly clock: Clock; readonly local: () => PublicKey | undefined },
  ) {
    this.#root = root;
    const turns = new Turns(clock);
    this.#reading = {
      clock,
      mailbox: root.mailbox,
      get local() {
        return local();
      },
      changed: undefined,
      turns,
      agents: () => root.agents(),
      ledger: undefined,
      presence: () => undefined,
      windows: () => {
        const key = local();
        if (key === undefined) throw new EntmootError("identity_invalid", NOBODY);
        this.#windows ??= new Windows({ turns, clock, local: key, agents: () => root.agents() });
        return this.#windows;
      },
      moots: () => this.#moots(),
      unopened: () => this.#unopened,
      moot: (id) => this.#moot(id),
    };
  }

  find(name: string): Operation<unknown, unknown, unknown> | undefined {
    return READING.find(name);
  }

  run<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    call: Call<Event>,
  ): Promise<Answer> {
    return READING.run(operation, this.#reading, request, call);
  }

  call<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event> = {},
  ): Promise<Answer> {
    return callInProcess(this, operation, request, options);
  }

  /** Whether what it holds open is no longer what stands in the data root: who goes on reading opens it anew. */
  isStale(): boolean {
    return this.#opened.values().some(({ store }) => {
      try {
        store.requireSame();
        return false;
      } catch {
        return true;
      }
    });
  }

  groupIds(): readonly GroupId[] {
    return this.#root.groupIds();
  }

  /** The number of the last message of a moot's log; `undefined` where it cannot be read. */
  lastSeq(id: GroupId): number | undefined {
    try {
      return this.#moot(id)?.store.messages.lastSeq();
    } catch (error) {
      if (error instanceof EntmootError) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#root[Symbol.dispose]();
  }

  /** One that cannot be opened must not hide the others. */
  #moots(): Moot[] {
    const joined = this.#root.groupIds();
    this.#unopened.clear();
    for (const [id, error] of this.#root.leftOut) this.#unopened.set(id, error);
    return joined.flatMap((id) => {
      try {
        return this.#moot(id) ?? [];
      } catch (error) {
        if (!(error instanceof EntmootError)) throw error;
        this.#unopened.set(id, error);
        return [];
      }
    });
  }

  #moot(id: GroupId): Moot | undefined {
    const known = this.#opened.get(id);
    if (known !== undefined) return known;
    const store = this.#root.openGroup(id);
    if (store === undefined) return undefined;
    const moot = new LazyMoot(store);
    this.#opened.set(id, moot);
    return moot;
  }
}

/** Its roster is verified when somebody asks for it, and again when it is another: messages alone need none. */
class LazyMoot implements Moot {
  readonly store: Moot["store"];
  #roster: GroupRoster | undefined;
  /** Of what the roster was made: a daemon beside may have changed it since. */
  #mark = "";

  constructor(store: Moot["store"]) {
    this.store = store;
  }

  get id(): GroupId {
    return this.store.groupId;
  }

  get roster(): GroupRoster {
    const mark = this.store.roster.mark();
    if (this.#roster === undefined || mark !== this.#mark) {
      this.#roster = new GroupRoster(this.store.roster);
      this.#mark = mark;
    }
    return this.#roster;
  }
}
