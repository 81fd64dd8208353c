/** The flag of a command that prints JSON whatever is asked: scripts may say so to every command. */
export const jsonAlready = {
  json: { type: "boolean", description: "accepted for symmetry; the output is JSON either way" },
} as const;
