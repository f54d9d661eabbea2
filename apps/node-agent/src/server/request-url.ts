import { HttpError } from './http-error.js';

/**
 * The URL of a request, as authorization, routes and handlers all see it: decoded once, without empty parts, `.` and `..`,
 * as Go's mux cleans it. A last slash stays. Throws 400.
 */
export function requestUrl(target: string): { path: string; url: URL } {
  const [, rest] = /^(?:https?:\/\/[^/?]*)?(.*)$/is.exec(target)!;
  const end = rest!.indexOf('?');
  const written = end < 0 ? rest! : rest!.slice(0, end);
  if (!written.startsWith('/') && written !== '') throw new HttpError(400, 'invalid URL');
  const path = clean(decode(written));
  // Built of what was understood, so that no other parser can understand it differently.
  const url = new URL(`https://node${path.split('/').map(encodeURIComponent).join('/')}`);
  if (end >= 0) url.search = rest!.slice(end);
  return { path, url };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new HttpError(400, `invalid URL escape in ${JSON.stringify(path)}`);
  }
}

function clean(path: string): string {
  const parts: string[] = [];
  const written = path.split('/');
  for (const part of written) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const last = written.at(-1);
  const folder = parts.length > 0 && (last === '' || last === '.' || last === '..');
  return `/${parts.join('/')}${folder ? '/' : ''}`;
}
