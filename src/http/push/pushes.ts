import type { PushNews } from "../../store/esp-store.ts";

/** What became of one push. */
export type PushOutcome =
  | { readonly kind: "sent"; readonly providerId: string }
  /** Nobody is there to send it. */
  | { readonly kind: "queued" }
  /** It may go later: this one, or any at all. */
  | { readonly kind: "later"; readonly code: string; readonly isForAll: boolean; readonly afterMs: number | undefined }
  /** No device has this token any more. */
  | { readonly kind: "no such token"; readonly code: string }
  /** It will never go; or none will, until the keys are other ones. */
  | { readonly kind: "refused"; readonly code: string; readonly isForAll: boolean };

/** What wakes devices. */
export interface Pushes {
  /** Wakes a device, soon and once, also when the service ends before; nothing where it has no token or wants nothing. */
  tell(deviceId: string, news: PushNews): void;
  /** Wakes a device with this token now, and says what became of it. */
  test(token: string): Promise<PushOutcome>;
  /** A device has another token or wants something else. */
  changed(): void;
}
