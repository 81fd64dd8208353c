/** What `work` costs of processor time in milliseconds, which other processes do not change as they change the time of day. */
export function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
