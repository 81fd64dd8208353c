/** Elements of the largest byte array made while `run` ran. */
export function largestAllocation(run: () => void): number {
  const original = globalThis.Uint8Array;
  let largest = 0;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args, self) {
      const made = Reflect.construct(target, args, self === globalThis.Uint8Array ? target : self) as Uint8Array;
      if (typeof args[0] === "number") largest = Math.max(largest, made.length);
      return made;
    },
  });
  try {
    run();
  } finally {
    globalThis.Uint8Array = original;
  }
  return largest;
}
