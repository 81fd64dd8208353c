import type { Log } from "../../host/log.ts";
import type { AskEffect, Report } from "../../machine/effect.ts";
import { shortKey } from "../../transport/short-key.ts";
import type { Group } from "../group/group.ts";

/** Tells of each question by which two copies are made equal, of its end, and of what a comparison came to. */
export class ReconcileTrace {
  readonly #log: Pick<Log, "info">;

  constructor(log: Pick<Log, "info">) {
    this.#log = log;
  }

  asked(group: Group, effect: AskEffect): void {
    this.#log.info("reconcile: asks", fieldsOf(group, effect));
  }

  answered(group: Group, effect: AskEffect): void {
    this.#log.info("reconcile: is answered", fieldsOf(group, effect));
  }

  failed(group: Group, effect: AskEffect, failure: string): void {
    this.#log.info("reconcile: is not answered", { ...fieldsOf(group, effect), failure });
  }

  reported(group: Group, report: Report): void {
    if (report.what !== "compared") return;
    const { missing, outcome, peer, stored } = report;
    this.#log.info("reconcile: compared", {
      group: group.id.slice(0, 12),
      peer: shortKey(peer),
      outcome,
      stored,
      missing,
    });
  }
}

function fieldsOf(group: Group, effect: AskEffect): Record<string, string | number> {
  const step = effect.kind === "fetch" ? { step: `fetch by ${effect.via}`, ids: effect.ids.length } : stepOf(effect);
  return { group: group.id.slice(0, 12), peer: shortKey(effect.kind === "fetch" ? effect.from : effect.to), ...step };
}

function stepOf(effect: Exclude<AskEffect, { kind: "fetch" }>): Record<string, string | number> {
  return effect.kind === "ask_ids" ? { step: effect.kind, limit: effect.limit } : { step: effect.kind };
}
