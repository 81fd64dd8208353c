import { EntmootError } from "../core/errors.ts";

/** None of the addresses to listen on is one of this machine: another port changes nothing. */
export class AddressNotHere extends EntmootError {
  constructor(addresses: readonly string[], options: { readonly cause?: unknown } = {}) {
    super("unavailable", addressNotHereText(addresses), options);
  }
}

/** How it is said, with the next step. */
export function addressNotHereText(addresses: readonly string[]): string {
  const what = addresses.length === 1 ? "is not an address" : "are not addresses";
  return `${addresses.join(", ")} ${what} of this machine; see -iroh-bind ("ip addr" lists those that are)`;
}
