import { expect, test } from "bun:test";
import fc from "fast-check";
import { isSocketAddress } from "../../../src/core/admission/iroh-address.ts";
import { connectionEnd, nativeText, streamError } from "../../../src/transport/iroh/iroh-errors.ts";
import { DIRECT_HINTS_MAX, formatSocketAddress, parseHints } from "../../../src/transport/iroh/iroh-hints.ts";

test("addresses and the first relay are told apart, and what is neither is passed over", () => {
  const hints = [
    "192.0.2.1:4433",
    "[2001:db8::1]:4433",
    "https://r1.example/",
    "https://r2.example/",
    "192.0.2.1:4433",
  ];
  expect(
    parseHints([
      ...hints,
      "name.example:4433",
      "2001:db8::1:4433",
      "",
      "ftp://x/",
      "192.0.2.1:04433",
      "https://u:p@r.example/",
      "https://r.example/?q",
    ]),
  ).toEqual({
    direct: ["192.0.2.1:4433", "[2001:db8::1]:4433"],
    relayUrl: "https://r1.example/",
  });
});

test("a stranger's list of hints costs at most eight addresses and one relay", () => {
  const many = Array.from({ length: 1_000 }, (_, i) => `192.0.2.${i % 256}:${1 + i}`);
  expect(parseHints(many).direct.length).toBe(DIRECT_HINTS_MAX);
  expect(parseHints([`https://r.example/${"x".repeat(300)}`]).relayUrl).toBeUndefined();
});

test("every address we write is one we read, and its port is never 0 or past 65535", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: -1, max: 70_000 }), (ip, port) => {
      expect(isSocketAddress(formatSocketAddress(ip, port))).toBe(port >= 1 && port <= 65_535);
    }),
  );
});

test("any text is either a hint or passed over", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (hints) => {
      const { direct, relayUrl } = parseHints(hints);
      for (const hint of [...direct, ...(relayUrl === undefined ? [] : [relayUrl])]) expect(hints).toContain(hint);
    }),
  );
});

test("a native error becomes one short clean line whatever a peer put into it", () => {
  const raw =
    "ConnectError (/src/x.rs:1:2)\nCaused by:\n  \u001b[31mred\u202E\u0000 end\n\nStack backtrace:\n 0: secret";
  expect(nativeText(new Error(raw))).toBe("ConnectError Caused by: [31mred end");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const line = nativeText(text);
      expect(line.length).toBeLessThanOrEqual(200);
      expect(line).not.toMatch(/[\p{Cc}\n]/u);
    }),
  );
});

test("the end of a connection is told by its code, not by the peer's words", () => {
  expect(connectionEnd("closed by peer: free text (code 1)")).toContain("at its limits");
  expect(connectionEnd("closed by peer: 0")).toBe("closed by the peer");
  expect(connectionEnd("closed by peer: 77")).toBe("closed by the peer (code 77)");
  expect(connectionEnd("timed out")).toContain("nothing heard");
  expect(streamError("read", new Error("Reset(1)"), undefined).message).toContain("at its limits");
  expect(streamError("read", new Error("Reset(2)"), undefined).message).toBe("read: stream reset by the peer");
  expect(streamError("read", new Error("ConnectionLost(TimedOut)"), "why").message).toBe("read: connection lost: why");
});
