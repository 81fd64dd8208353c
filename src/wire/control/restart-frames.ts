import { struct } from "../../core/json/json-codec.ts";
import { bool, u32 } from "../../core/json/json-scalars.ts";
import { boundedText, plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. What systems allow for one argument or variable, and more of them than a daemon gets. */
const TEXT_MAX = 128 * 1024;
const LIST_MAX = 8192;

/** "End cleanly and start again from your executable, which may be another by now." */
export interface RestartReq {
  readonly kind: "restart_req";
  /** The executable that was replaced; refused when the daemon was started from another one. */
  readonly path: string;
  /** Only answer; change nothing. */
  readonly ask_only: boolean;
}

/**
 * How the daemon's process was started. Without `ask_only` it is ending now; the connection then stays open until the
 * new program has taken its place: end of stream means so.
 */
export interface RestartResp {
  readonly kind: "restart_resp";
  readonly pid: number;
  readonly path: string;
  /** From the program's own name on, which may be an alias of `path`. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** `NAME=value`. Whoever may ask is the owner of the process. */
  readonly env: readonly string[];
}

export const restartReqBody: FrameBody<RestartReq> = jsonBody(
  "restart_req",
  struct<Omit<RestartReq, "kind">>(
    "restart_req",
    { path: boundedText("path", 16_384), ask_only: bool },
    { required: ["path"] },
  ),
);

export const restartRespBody: FrameBody<RestartResp> = jsonBody(
  "restart_resp",
  struct<Omit<RestartResp, "kind">>(
    "restart_resp",
    {
      pid: u32,
      path: boundedText("path", 16_384),
      argv: plainList(boundedText("argument", TEXT_MAX), LIST_MAX),
      cwd: boundedText("cwd", 16_384),
      env: plainList(boundedText("variable", TEXT_MAX), LIST_MAX),
    },
    { required: ["pid", "path", "argv", "cwd", "env"] },
  ),
);
