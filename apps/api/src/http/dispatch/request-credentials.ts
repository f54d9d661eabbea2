import type { IncomingMessage } from 'node:http';

/** Whether headers say more of the sender, or of whom it acts as, than its certificate. */
export function asksForMore(headers: IncomingMessage['headers']): boolean {
  if (headers['x-remote-user'] !== undefined) return true;
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}
