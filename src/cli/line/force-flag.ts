import { EntmootError } from "../../core/errors.ts";

/** In the words of the command line. */
export function withForce(cause: unknown): unknown {
  if (!(cause instanceof EntmootError) || cause.code !== "forbidden" || !cause.message.endsWith("say force"))
    return cause;
  return new EntmootError(cause.code, cause.message.replace(/say force$/, "publish it with -force"), { cause });
}
