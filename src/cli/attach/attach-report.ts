import type { RunningHost } from "../../agent/running/running.ts";
import type { HostPlaces, HostSetup } from "../../agent/setup/host-setup.ts";
import { GroupId } from "../../core/ids.ts";
import { printProse } from "../../host/print.ts";
import type { AttachAsked, AttachedAs } from "./attached-as.ts";
import type { ChosenDoor } from "./chosen-door.ts";
import type { SelfTest, TestEnd } from "./self-test.ts";

/** Whether a host runs, by what it hears its moot, and what became of the test. */
export interface Hearing {
  readonly running: Pick<RunningHost, "kind" | "shown"> | undefined;
  readonly door: string | undefined;
  readonly deafBecause: string | undefined;
  readonly end: TestEnd | undefined;
}

/** What was not done, or is not there, and why. */
interface Skipped {
  readonly what: "door" | "inbox" | "plugin" | "project" | "test";
  readonly why: string;
}

/** What `attach` prints. */
export type AttachReport = Readonly<Record<string, unknown>>;

export interface Reported {
  readonly as: AttachedAs;
  readonly asked: AttachAsked;
  readonly chosen: ChosenDoor;
  readonly heard: Hearing;
  readonly places: HostPlaces;
  readonly setup: HostSetup;
  readonly test: SelfTest | undefined;
  readonly version: string;
  readonly hasUrl: boolean;
}

/** What was set up, what it hears by, and what became of the test: with an exit status that is 0 unless a host that runs did not take it. */
export function report({ as, asked, chosen, hasUrl, heard, places, setup, test, version }: Reported): AttachReport {
  const { door, end, running } = heard;
  const allow = setup.allow(places);
  const again =
    running?.kind === "bridged"
      ? undefined
      : `start ${setup.title}${running === undefined ? "" : " again"} in ${places.project}`;
  const status = "entmootd attach -status";
  const next = again === undefined ? status : `${again}; then: ${status}`;
  if (chosen.other !== undefined) {
    const files = "its plugin was written and installed for this folder by the host's own commands";
    printProse(`attach: it is set up to hear by ${chosen.door?.name} (${chosen.why}); ${files}`);
  } else if (chosen.why !== undefined) printProse(`attach: ${chosen.why}`);
  if (end !== undefined) printProse(`attach: ${endWords(setup, door, end)}`);
  else if (running === undefined && test !== undefined)
    printProse(`attach: ${setup.title} does not run here; its first start hears the test message`);
  if (heard.deafBecause !== undefined)
    printProse(`attach: ${setup.title} runs here (${running!.shown}) and hears nothing yet: ${heard.deafBecause}`);
  if (again !== undefined) printProse(`attach: ${again}, for it to have the tools by which it answers`);
  if (allow !== undefined) {
    printProse(`attach: it asks its user before it answers; to allow that, in ${allow.where}: ${allow.text.trim()}`);
  }
  // Set up it is, but it is not shown that it hears.
  if (end !== undefined && !end.isHeard) process.exitCode = end.isOver ? 1 : 8;
  return {
    agent_socket: as.agentSocket,
    allow: allow ?? null,
    door: door ?? chosen.door?.name ?? null,
    event: "attached",
    group_id: as.groupId === undefined ? null : GroupId.toBase64(as.groupId),
    host: setup.host,
    next,
    proves: chosen.door?.proves ?? null,
    running: running?.shown ?? null,
    skipped: skipped({ asked, chosen, hasUrl, heard, places, setup, test }),
    test: test === undefined ? null : { ...test, state: end?.state ?? "queued" },
    version,
    voice: asked.voice ?? null,
  };
}

function endWords({ title }: HostSetup, door: string | undefined, { held, isHeard, isOver, state }: TestEnd): string {
  const by = door === undefined ? "" : ` by ${door}`;
  if (state === "uncertain") return `the test message was given to ${title}${by}, which shows nothing of it`;
  if (isHeard) return `the test message reached ${title}${by}: ${state}`;
  if (isOver) return `${title} does not take the test message${by}: ${state}`;
  const why = held === undefined ? "" : ` (${held})`;
  return `${title} runs and has not taken the test message in time: ${state}${why}; it is handed over once it can be`;
}

function skipped({ asked, chosen, hasUrl, heard, places, setup, test }: Omit<Reported, "as" | "version">): Skipped[] {
  const found: Skipped[] = [];
  if (chosen.why !== undefined) found.push({ what: "inbox", why: chosen.why });
  if (setup.door === undefined) {
    found.push({
      what: "door",
      why: `nothing leads into a session of ${setup.title}: its agent asks by entmoot_inbox or entmoot_wait`,
    });
  } else if (heard.deafBecause !== undefined) found.push({ what: "door", why: heard.deafBecause });
  if (hasUrl) found.push({ what: "plugin", why: "-url names a server that listens" });
  const forAll = setup.whyForAll?.(places);
  if (forAll !== undefined) found.push({ what: "project", why: forAll });
  const why = untested({ asked, heard, setup, test });
  if (why !== undefined) found.push({ what: "test", why });
  return found;
}

function untested({
  asked,
  heard,
  setup,
  test,
}: Pick<Reported, "asked" | "heard" | "setup" | "test">): string | undefined {
  if (setup.door === undefined) return "without a door there is nothing to be tested";
  if (!asked.isTested) return "-test=false";
  if (asked.voice === undefined) return "the agent speaks as this node itself, and what a node says wakes nobody there";
  if (heard.running === undefined)
    return `${setup.title} does not run in this folder: the test follows at its first start`;
  if (heard.deafBecause === undefined) return undefined;
  if (test === undefined) return "its session still listens by another door: attach again once it was started again";
  return "the test follows at its next start";
}
