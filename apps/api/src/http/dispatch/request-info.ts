import { genericNotFound, methodNotAllowed, type StatusError, type Verb } from '#apimachinery';

/** What the URL and the method say of a request; the rules are those of the reference's request info resolver. */
export interface RequestInfo {
  isResourceRequest: boolean;
  path: string;
  /** API verb, or the lower-case HTTP method of a non-resource path. '' for a method that names no verb. */
  verb: Verb | string;
  group: string;
  version: string;
  /** From the path, also for the namespaces resource itself: what authorization sees. */
  namespace: string;
  /** The path goes through a namespace to the resource: `namespaces/a/pods`, but not `namespaces/a` or `namespaces/a/status`. */
  scoped: boolean;
  resource: string;
  subresource: string;
  name: string;
  /** The name stands in the path: lists and watches may have one from their field selector. */
  named: boolean;
  /** Path segments beyond the subresource, for proxies; of a path that begins with `watch`, those beyond the name. */
  rest: string[];
  query: URLSearchParams;
}

export const EMPTY_QUERY: URLSearchParams = new URLSearchParams();

const VERB_BY_METHOD: ReadonlyMap<string, string> = new Map([
  ['POST', 'create'],
  ['GET', 'get'],
  ['HEAD', 'get'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);

const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** `url` is the request target as sent. Throws URIError when a segment is not valid percent encoding. */
export function parseRequestInfo(method: string, url: string): RequestInfo {
  const mark = url.indexOf('?');
  const rawPath = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? EMPTY_QUERY : new URLSearchParams(url.slice(mark + 1));
  const path = rawPath.includes('%') ? decodeURIComponent(rawPath) : rawPath;
  const info: RequestInfo = {
    isResourceRequest: false,
    path,
    verb: method.toLowerCase(),
    group: '',
    version: '',
    namespace: '',
    scoped: false,
    resource: '',
    subresource: '',
    name: '',
    named: false,
    rest: [],
    query,
  };
  const parts = split(path);
  if (parts.length < 3) return info;
  let at = 0;
  if (parts[0] === 'apis') {
    if (parts.length < 4) return info;
    info.group = parts[1]!;
    at = 2;
  } else if (parts[0] === 'api') {
    at = 1;
  } else {
    return info;
  }
  info.isResourceRequest = true;
  info.version = parts[at]!;
  at += 1;

  let prefixed = '';
  if (parts[at] === 'watch' || parts[at] === 'proxy') {
    if (parts.length - at < 2) {
      throw new URIError(`unable to determine kind and namespace from url, ${url}`);
    }
    prefixed = parts[at]!;
    info.verb = prefixed;
    at += 1;
  } else {
    info.verb = VERB_BY_METHOD.get(method) ?? '';
  }

  if (parts[at] === 'namespaces' && parts.length - at > 1) {
    info.namespace = parts[at + 1]!;
    if (parts.length - at > 2 && !NAMESPACE_SUBRESOURCES.has(parts[at + 2]!)) {
      info.scoped = true;
      at += 2;
    }
  }
  info.resource = parts[at] ?? '';
  info.name = parts[at + 1] ?? '';
  info.named = info.name !== '';
  if (prefixed === '') {
    info.subresource = parts[at + 2] ?? '';
    if (parts.length > at + 3) info.rest = parts.slice(at + 3);
  } else {
    info.rest = parts.slice(at + 2);
  }

  if (info.name === '') {
    if (info.verb === 'get') {
      info.verb = truthy(query.get('watch')) ? 'watch' : 'list';
      info.name = nameInFieldSelector(query);
    } else if (info.verb === 'delete') {
      info.verb = 'deletecollection';
    }
  }
  return info;
}

/** What there is to say against a request on the object path before its resource is known. */
export function pathErrorOf(method: string, { rest, verb }: RequestInfo): StatusError | undefined {
  if (rest.length > 0 || verb === 'proxy') return genericNotFound();
  const readOnly = verb === 'watch' || verb === 'list';
  const served = readOnly ? method === 'GET' : method !== 'HEAD' && VERB_BY_METHOD.has(method);
  return served ? undefined : methodNotAllowed();
}

/** The name that `fieldSelector=metadata.name=x` pins a list to: authorization and single-object lists use it. */
function nameInFieldSelector(query: URLSearchParams): string {
  const selector = query.get('fieldSelector');
  if (!selector?.includes('metadata.name=')) return '';
  for (const term of selector.split(',')) {
    const match = /^metadata\.name==?([^=!].*)$/.exec(term.trim());
    if (match && !/[/%]/.test(match[1]!) && match[1] !== '.' && match[1] !== '..') return match[1]!;
  }
  return '';
}

/** How the reference reads boolean query parameters: present and neither `false` nor `0`. */
export function truthy(value: string | null | undefined): boolean {
  if (value === null || value === undefined) return false;
  const lower = value.toLowerCase();
  return lower !== 'false' && lower !== '0';
}

function split(path: string): string[] {
  let start = 0;
  let end = path.length;
  while (start < end && path.charCodeAt(start) === 47) start += 1;
  while (end > start && path.charCodeAt(end - 1) === 47) end -= 1;
  return start === end ? [] : path.slice(start, end).split('/');
}
