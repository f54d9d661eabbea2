import type { UserInfo } from '#apimachinery';

/** Headers by which an API server behind this one knows the user, and which no client may send through. */
export const REMOTE_HEADER_PREFIX = 'x-remote-';

/**
 * The user as request headers, as the reference's front proxy writes them. Values are UTF-8, one byte a character, which is how HTTP
 * clients of Node and of Go send them; keys of extras are percent-encoded.
 */
export function remoteUserHeaders({ name, uid, groups, extra }: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'X-Remote-User': bytes(name) };
  if (uid) headers['X-Remote-Uid'] = bytes(uid);
  if (groups.length > 0) headers['X-Remote-Group'] = groups.map(bytes);
  for (const [key, values] of Object.entries(extra ?? {})) {
    headers[`X-Remote-Extra-${encodeURIComponent(key)}`] = values.map(bytes);
  }
  return headers;
}

function bytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}
