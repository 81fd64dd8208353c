/** Whether a URL's host, as `URL.hostname` gives it, is this machine, so that plain HTTP to it meets nobody on the way. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}
