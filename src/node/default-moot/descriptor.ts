import {
  DEFAULT_MOOT_KEY,
  DEFAULT_MOOT_URL,
  DESCRIPTOR_BYTES_MAX,
  type DefaultMoot,
  decodeDefaultMoot,
  parsePinnedKey,
  verifyDefaultMoot,
} from "../../core/admission/default-moot.ts";
import type { OpenInvite } from "../../core/admission/open-invite.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { httpExchange, safeUrl } from "../../host/http-exchange.ts";
import type { NodeContext } from "../node-context.ts";

/** Wire. What the original gives the fetch. */
const FETCH_MS = 5_000;

/** Where the descriptor is and who signs it, as it was asked for. */
export interface DescriptorSource {
  readonly descriptor_url?: string | undefined;
  readonly pinned_key?: string | undefined;
}

/** The same, read. */
export interface ReadSource {
  readonly url: URL;
  readonly key: PublicKey;
}

/** Throws `unavailable`, naming what is wrong with it. */
export function readSource({ descriptor_url = DEFAULT_MOOT_URL, pinned_key }: DescriptorSource): ReadSource {
  return failing("invalid configuration", () => ({
    url: safeUrl("descriptor url", descriptor_url),
    key: pinned_key === undefined ? DEFAULT_MOOT_KEY : parsePinnedKey(pinned_key),
  }));
}

export interface VerifiedDescriptor {
  readonly url: string;
  readonly descriptor: DefaultMoot;
  readonly openInvite: OpenInvite;
}

/**
 * The descriptor as it is now, verified over the bytes received, within `FETCH_MS` or less. Throws `unavailable` whatever is wrong with it, for that is the
 * server's fault and not that of who asked.
 */
export async function fetchDescriptor(
  { clock, root }: Pick<NodeContext, "clock" | "root">,
  source: DescriptorSource,
  signal: AbortSignal | undefined,
  timeoutMs: number = FETCH_MS,
): Promise<VerifiedDescriptor> {
  const { key, url } = readSource(source);
  const asked = {
    method: "GET",
    url,
    timeoutMs: Math.min(timeoutMs, FETCH_MS),
    maxBytes: DESCRIPTOR_BYTES_MAX,
    clock,
    signal,
  } as const;
  const { body, status } = await httpExchange(asked).catch((cause) => {
    throw signal?.aborted ? cause : failure("descriptor unavailable", cause);
  });
  if (status < 200 || status >= 300) {
    throw failure("descriptor unavailable", `${url.origin} answered with status ${status}`);
  }
  const verified = failing("", () => {
    const descriptor = decodeDefaultMoot(body);
    return { url: url.href, descriptor, openInvite: verifyDefaultMoot(descriptor, PublicKey.toBytes(key)) };
  });
  refuseOlder(verified.descriptor, root);
  return verified;
}

/** Its signature says nothing of when: one that was taken before is not taken back by an older one. */
function refuseOlder({ group_id, issued_at_ms }: DefaultMoot, root: NodeContext["root"]): void {
  const { descriptor_issued_at_ms: known, group_id: of } = root.defaultMoot.read();
  if (of !== group_id || issued_at_ms >= known) return;
  throw failure("invalid descriptor", `issued at ${issued_at_ms}, before the one that was joined by (${known})`);
}

function failing<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof EntmootError) throw failure(what, cause);
    throw cause;
  }
}

function failure(what: string, cause: unknown): EntmootError {
  const text = textOf(cause);
  const said = text.startsWith("defaultmoot: ")
    ? text
    : `defaultmoot: ${what === "" ? "invalid descriptor" : what}: ${text}`;
  return new EntmootError("unavailable", said, { cause });
}
