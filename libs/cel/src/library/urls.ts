import { quote } from '#apimachinery';
import type { Functions } from '../check/declarations.js';
import { cel } from '../type.js';
import { EntryMap } from '../values/maps.js';
import { ArrayList, fail, OpaqueValue, type Value } from '../values/value.js';

/**
 * URLs of Kubernetes: k8s.io/apiserver/pkg/cel/library/urls.go. It reads them as Go's net/url does, which changes nothing in
 * them; the URL class of JavaScript would.
 */

const URL_TYPE = cel.object('kubernetes.URL', {});

interface UrlParts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

class UrlValue extends OpaqueValue {
  readonly type = URL_TYPE;

  constructor(
    readonly text: string,
    readonly parts: UrlParts,
  ) {
    super();
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }

  override plain(): unknown {
    return this.text;
  }
}

export const URL_TYPES = [URL_TYPE];

export function declareUrls(functions: Functions): void {
  const { bool, string } = cel;
  const parts = (value: Value | undefined) => (value as UrlValue).parts;
  functions.global('url', 'string_to_url', [string], URL_TYPE, (text) => {
    const found = parseUrl(text as string);
    if (typeof found === 'string')
      return fail(`URL parse error during conversion from string: parse ${quote(text as string)}: ${found}`);
    return new UrlValue(text as string, found);
  });
  functions.global('isURL', 'is_url_string', [string], bool, (text) => typeof parseUrl(text as string) !== 'string');
  const get = (name: string, id: string, of: (parts: UrlParts) => Value) =>
    functions.member(name, id, [URL_TYPE], string, (value) => of(parts(value)));
  get('getScheme', 'url_get_scheme', ({ scheme }) => scheme);
  get('getHost', 'url_get_host', ({ host }) => host);
  get('getHostname', 'url_get_hostname', ({ host }) => splitHost(host).name);
  get('getPort', 'url_get_port', ({ host }) => splitHost(host).port);
  get('getEscapedPath', 'url_get_escaped_path', ({ path }) => escapePath(path));
  functions.member('getQuery', 'url_get_query', [URL_TYPE], cel.map(string, cel.list(string)), (value) =>
    queryOf(parts(value).query),
  );
}

/** What is wrong with a URI, or nothing: the format `uri`. */
export function uriProblem(text: string): string | undefined {
  const found = parseUrl(text);
  return typeof found === 'string' ? `parse ${quote(text)}: ${found}` : undefined;
}

/** url.ParseRequestURI: an absolute URL or an absolute path. The parts, or why there are none. */
function parseUrl(text: string): UrlParts | string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  if (/[\x00-\x1f\x7f]/.test(text)) return 'net/url: invalid control character in URL';
  if (text === '') return 'empty url';
  if (text === '*') return { scheme: '', host: '', path: '*', query: '' };
  const split = schemeOf(text);
  if (typeof split === 'string') return split;
  const [beforeQuery = '', ...query] = split.rest.split('?');
  if (!beforeQuery.startsWith('/')) {
    // An opaque URL such as mailto:a@b has no path.
    return split.scheme === ''
      ? 'invalid URI for request'
      : { scheme: split.scheme, host: '', path: '', query: query.join('?') };
  }
  const authority = split.scheme !== '' || !beforeQuery.startsWith('///') ? /^\/\/([^/]*)/.exec(beforeQuery) : null;
  const withHost = authority !== null && split.scheme !== '' ? authority : null;
  const path = withHost === null ? beforeQuery : beforeQuery.slice(withHost[0].length);
  const host = withHost === null ? '' : hostOf(withHost[1]!);
  if (typeof host !== 'string') return host.problem;
  const invalid = invalidEscape(path);
  if (invalid !== undefined) return invalid;
  return { scheme: split.scheme, host, path, query: query.join('?') };
}

function schemeOf(text: string): { scheme: string; rest: string } | string {
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text);
  if (match !== null) return { scheme: match[1]!.toLowerCase(), rest: text.slice(match[0].length) };
  if (/^[^/?#]*:/.test(text)) {
    if (text.startsWith(':')) return 'missing protocol scheme';
    if (/^[0-9+.-]/.test(text)) return 'first path segment in URL cannot contain colon';
  }
  return { scheme: '', rest: text };
}

function invalidEscape(text: string): string | undefined {
  const match = /%(?![0-9a-fA-F]{2})(.{0,2})/.exec(text);
  return match === null ? undefined : `invalid URL escape ${quote(`%${match[1]}`)}`;
}

function hostOf(authority: string): string | { problem: string } {
  const at = authority.lastIndexOf('@');
  const userInfo = authority.slice(0, Math.max(at, 0));
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(userInfo)) return { problem: 'net/url: invalid userinfo' };
  const host = authority.slice(at + 1);
  const bracket = host.startsWith('[') ? host.lastIndexOf(']') : -2;
  if (bracket === -1) return { problem: "missing ']' in host" };
  const rest = bracket >= 0 ? host.slice(bracket + 1) : host.slice(Math.max(host.indexOf(':'), 0));
  const hasPort = bracket >= 0 || host.includes(':');
  if (hasPort && !/^(?::\d*)?$/.test(rest)) return { problem: `invalid port ${quote(rest)} after host` };
  const invalid = invalidEscape(host);
  if (invalid !== undefined) return { problem: invalid };
  const character = /[ "<>\\^`{|}#]/.exec(host);
  if (character !== null) return { problem: `invalid character ${quote(character[0])} in host name` };
  return decode(host);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function splitHost(host: string): { name: string; port: string } {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(host);
  return match === null ? { name: host, port: '' } : { name: match[1] ?? match[2] ?? '', port: match[3] ?? '' };
}

/** As it is written, when that is a valid encoding; else encoded. */
function escapePath(path: string): string {
  if (path === '*') return '*';
  if (/^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]]|%[0-9a-fA-F]{2})*$/.test(path)) return path;
  return decode(path).replace(/[^A-Za-z0-9\-._~$&+,/:;=@]+/g, (part) =>
    Array.from(Buffer.from(part, 'utf8'), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

function queryOf(query: string): EntryMap {
  const values = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    // Go refuses semicolons, and drops what it cannot decode.
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const [key, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    try {
      const name = decodeURIComponent(key.replaceAll('+', ' '));
      values.set(name, [...(values.get(name) ?? []), decodeURIComponent(value.replaceAll('+', ' '))]);
    } catch {}
  }
  return EntryMap.of(Array.from(values, ([key, items]) => [key, new ArrayList(items)] as const));
}
