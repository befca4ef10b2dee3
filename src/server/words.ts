/** Small things in the words of logs, lines and answers. */

/** What an error says. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `HOST:PORT`, an IPv6 address in brackets. */
export function shownAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
