import type { VOICE_OPERATIONS } from "../../src/node/operations/voices.ts";
import type { CasesOf } from "./operations.contract.ts";

const none = {
  code: "unsupported",
  message: "this program keeps no voices; a daemon does: entmootd serve",
} as const;

/** What a daemon that keeps them answers is seen of real ones: test/process/voices.test.ts. */
export const VOICE_CASES: CasesOf<typeof VOICE_OPERATIONS> = {
  voices: {
    malformed: { request: "7", names: "object" },
    cases: [{ title: "is refused where no daemon keeps any", request: () => ({}), fails: none }],
  },
  voice_add: {
    malformed: { request: '{"name":7}', names: "name" },
    cases: [{ title: "is refused where no daemon keeps any", request: () => ({ name: "oak" }), fails: none }],
  },
  voice_end: {
    malformed: { request: '{"name":7}', names: "name" },
    cases: [{ title: "is refused where no daemon keeps any", request: () => ({ name: "oak" }), fails: none }],
  },
};
