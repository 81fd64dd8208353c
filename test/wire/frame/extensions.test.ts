import { describe, expect, test } from "bun:test";
import { CONTROL_TYPE } from "../../../src/wire/control/control-types.ts";
import { CONTROL_EXTENSIONS, type Extension, PEER_EXTENSIONS } from "../../../src/wire/frame/extensions.ts";
import { FRAME_LENGTH_MAX, peerLimits } from "../../../src/wire/frame/frame-limits.ts";
import { FRAME_TYPE } from "../../../src/wire/frame/frame-types.ts";

const REGISTERS: Readonly<Record<string, Readonly<Record<string, Extension>>>> = {
  peers: PEER_EXTENSIONS,
  "control socket": CONTROL_EXTENSIONS,
};

for (const [name, register] of Object.entries(REGISTERS)) {
  describe(`the register of extensions of the ${name}`, () => {
    const all = Object.values(register);

    test("starts at 0x80 and gives each number once", () => {
      expect(all.every(({ type }) => type >= 0x80 && type <= 0xff)).toBe(true);
      expect(new Set(all.map(({ type }) => type)).size).toBe(all.length);
    });

    test("gives each frame a cap within the protocol's and a first version", () => {
      expect(all.every(({ lengthMax }) => lengthMax > 0 && lengthMax <= FRAME_LENGTH_MAX)).toBe(true);
      expect(all.every(({ since }) => /^\d+\.\d+\.\d+$/.test(since))).toBe(true);
    });

    test("takes no name of the original", () => {
      const originals = new Set([...Object.keys(FRAME_TYPE), ...Object.keys(CONTROL_TYPE)]);
      expect(Object.keys(register).filter((kind) => originals.has(kind))).toEqual([]);
    });
  });
}

test("no extension between peers is larger than 1 MiB, known or not", () => {
  for (let type = 0x80; type < 256; type++) expect(peerLimits("entmoot/1")(type)).toBeLessThanOrEqual(1024 * 1024);
});
