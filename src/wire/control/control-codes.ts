/** Wire. Exit status the original's commands end with for each error code; scripts branch on it. */
const CONTROL_EXIT = {
  OK: 0,
  INTERNAL: 1,
  NOT_MEMBER: 2,
  GROUP_NOT_FOUND: 3,
  INVALID_ARGUMENT: 5,
  CONFLICT: 5,
  UNAVAILABLE: 1,
} as const;

/** Compared exactly, blanks and case included; a code nobody knows is 1. */
export function controlExit(code: string): number {
  return Object.hasOwn(CONTROL_EXIT, code) ? CONTROL_EXIT[code as keyof typeof CONTROL_EXIT] : 1;
}
