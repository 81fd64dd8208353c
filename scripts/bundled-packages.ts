/** What of the bundler's report is read here: how many bytes of which file are in what it wrote. */
export interface BundleReport {
  readonly outputs: Readonly<
    Record<string, { readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }>
  >;
}

/** The npm packages of which something is in the bundle, by name, sorted; one that was only looked at is not. */
export function bundledPackages({ outputs }: BundleReport): string[] {
  const found = new Set<string>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const name = /^.*[\\/]?node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(path)?.[1];
      if (name !== undefined && bytesInOutput > 0) found.add(name.replaceAll("\\", "/"));
    }
  }
  return [...found].sort();
}
