import type { GroupId, PublicKey } from "../../core/ids.ts";
import type { Log } from "../../host/log.ts";
import { WakeGuards } from "../../machine/wake-guards.ts";
import type { AgentStore } from "../../store/agent-store.ts";
import type { DataRoot } from "../../store/data-root.ts";
import type { ChangeSignal } from "../change-signal.ts";
import type { Moot, Moots } from "../read/moots.ts";
import { Ledger } from "./ledger.ts";
import { Listeners } from "./listeners.ts";
import { readWakeLimits } from "./wake-settings.ts";
import { noteOwn, whyNotNow } from "./waking.ts";
import type { Windows } from "./windows.ts";

export interface AgentSideParts extends Pick<Moots, "clock" | "moots" | "turns"> {
  readonly local: PublicKey;
  readonly root: DataRoot;
  readonly log: Log;
  readonly changed: ChangeSignal;
  readonly agents: () => AgentStore;
  readonly windows: Windows;
  readonly moot: (id: GroupId) => Moot | undefined;
  /** Who listens is another; with a moot: its ledger. */
  readonly onMoved: (groupId?: GroupId) => void;
}

/** What a node does for its agents: the ledger of what asks, and those who listen for it. */
export class AgentSide {
  readonly ledger: Ledger;
  readonly listeners: Listeners;

  constructor(parts: AgentSideParts) {
    const { agents, changed, clock, moot, onMoved, windows } = parts;
    const { hops } = windows;
    this.listeners = new Listeners({
      clock,
      agents,
      ledger: () => this.ledger,
      moot,
      guards: new WakeGuards(readWakeLimits(parts.root.node)),
      hops,
      standing: (of, author) => windows.of(of).standing(author),
      whyNot: (of, message) => whyNotNow(of, message, { agents, clock, windows }),
      onChange: () => {
        changed.notify();
        onMoved();
      },
    });
    this.ledger = new Ledger({
      ...parts,
      onRows: () => this.listeners.poke(),
      onLapsed: (rows) => this.listeners.lapsed(rows),
      onOwn: (of, message) => noteOwn(hops, of, message, clock),
    });
  }
}
