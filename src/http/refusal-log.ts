import type { Clock, SteadyMs } from "../core/clock.ts";
import type { ServedRequest } from "../host/http-request.ts";
import type { Log } from "../host/log.ts";
import type { HttpFailure } from "./http-failure.ts";
import type { Target } from "./target.ts";

/** Ours. Lines in a minute; what is refused beyond is counted. */
const LINES_MAX = 60;
const MINUTE_MS = 60_000;
/** Ours. Of a path, which a stranger may make as long as it likes. */
const PATH_CHARS_MAX = 256;

/** One line in the log for each request that is refused, and no flood of them. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #sinceMs: SteadyMs | undefined;
  #lines = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  note(request: ServedRequest, target: Target, failure: HttpFailure): void {
    const nowMs = this.#clock.steady();
    if (this.#sinceMs === undefined || nowMs - this.#sinceMs >= MINUTE_MS) {
      if (this.#lines > LINES_MAX) this.#log.warn("http: refused more", { requests: this.#lines - LINES_MAX });
      this.#sinceMs = nowMs;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines > LINES_MAX) return;
    const { code, message, status } = failure;
    const said = { status, code, why: message, from: request.address };
    const line = `http: ${request.method.slice(0, 16)} ${redacted(target.path)}`;
    if (status < 500 || status === 503) this.#log.info(line, said);
    else this.#log.error(line, said, ...(failure.cause === undefined ? [] : [failure.cause]));
  }
}

/** The token of an open invite lets in whoever has it. */
function redacted(path: string): string {
  return path.replace(/^(\/v1\/open-invites\/)[^/]+/, "$1…").slice(0, PATH_CHARS_MAX);
}
