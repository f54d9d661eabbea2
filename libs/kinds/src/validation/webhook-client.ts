import { isDNS1123Subdomain, isPortNumber, quote } from '#apimachinery';
import type { FieldCursor } from './field-cursor.js';

/** Where webhooks are called: by URL, or through a Service. */

interface ClientConfig {
  url?: string;
  service?: { name?: string; namespace?: string; path?: string; port?: number };
}

const form = '; desired format: https://host[/path]';
/** As RFC 3986 splits a reference. */
const urlParts = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s;

/** With the cursor at the client config. `alternatives` is what an error says when not exactly one is set. */
export function checkClientConfig(at: FieldCursor, { url, service }: ClientConfig, alternatives: string): void {
  if ((url === undefined) === (service === undefined)) at.required('', alternatives);
  else if (url !== undefined) checkUrl(at, url);
  else if (service !== undefined) at.within('service', () => checkService(at, service));
}

function checkUrl(at: FieldCursor, url: string): void {
  const problem = unreadable(url);
  if (problem !== undefined) {
    at.required('url', `url must be a valid URL: parse ${quote(url)}: ${problem}${form}`);
    return;
  }
  const [, scheme = '', authority = '', query = '', fragment = ''] = urlParts.exec(url) ?? [];
  const end = authority.lastIndexOf('@');
  const host = authority.slice(end + 1);
  if (scheme.toLowerCase() !== 'https') {
    at.invalid('url', scheme.toLowerCase(), `'https' is the only allowed URL scheme${form}`);
  }
  if (host === '') at.invalid('url', host, `host must be specified${form}`);
  if (end >= 0) at.invalid('url', authority.slice(0, end), 'user information is not permitted in the URL');
  if (fragment !== '') at.invalid('url', fragment, 'fragments are not permitted in the URL');
  if (query !== '') at.invalid('url', query, 'query parameters are not permitted in the URL');
}

/** Why Go reads no URL in the text; undefined when it does. */
function unreadable(url: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x1f\x7f]/.test(url)) return 'net/url: invalid control character in URL';
  if (url.startsWith(':')) return 'missing protocol scheme';
  const [badEscape] = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(url) ?? [];
  if (badEscape !== undefined) return `invalid URL escape ${quote(badEscape)}`;
  const [, , authority = ''] = urlParts.exec(url) ?? [];
  const [port] = /:[^:\]]*$/.exec(authority.slice(authority.lastIndexOf('@') + 1)) ?? [];
  if (port !== undefined && !/^:\d*$/.test(port)) return `invalid port ${quote(port)} after host`;
  return undefined;
}

function checkService(at: FieldCursor, service: NonNullable<ClientConfig['service']>): void {
  const { name, namespace, path, port = 0 } = service;
  // Upstream confuses the two: the error of each has the other's path.
  if (!namespace) at.required('name');
  if (!name) at.required('namespace');
  const problems = isPortNumber(port);
  if (problems.length > 0) at.invalid('port', port, `port is not valid: ${problems.join(', ')}`);
  if (path !== undefined) checkPath(at, path);
}

function checkPath(at: FieldCursor, path: string): void {
  if (path === '/' || path === '') return;
  if (path === '//') {
    at.invalid('path', path, 'segment[0] may not be empty');
    return;
  }
  if (!path.startsWith('/')) at.invalid('path', path, "must start with a '/'");
  const segments = path.slice(1).replace(/\/$/, '').split('/');
  segments.forEach((segment, i) => {
    if (segment === '') at.invalid('path', path, `segment[${i}] may not be empty`);
    else for (const text of isDNS1123Subdomain(segment)) at.invalid('path', path, `segment[${i}]: ${text}`);
  });
}
