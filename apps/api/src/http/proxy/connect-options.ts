import { badRequest, bare, type KubeObject, ownValue, setOwn } from '#apimachinery';
import { parseBoolean } from '../../registry/request-options.js';
import type { RequestInfo } from '../dispatch/request-info.js';

/** How a field of the options is written in a query. */
type FieldKind = 'boolean' | 'text' | 'texts' | 'numbers';

const STREAMS = { stdin: 'boolean', stdout: 'boolean', stderr: 'boolean', tty: 'boolean', container: 'text' } as const;
/** Fields by kind; the path of a proxied request is no parameter. */
const FIELDS = bare<Readonly<Record<string, FieldKind>>>({
  PodExecOptions: { ...STREAMS, command: 'texts' },
  PodAttachOptions: STREAMS,
  PodPortForwardOptions: { ports: 'numbers' },
});

/** What a connection is asked to be, as admission sees it: options have no metadata, and what is false or empty is left out. */
export function connectOptions(kind: string, { query, rest }: RequestInfo): KubeObject {
  const options = { apiVersion: 'v1', kind } as KubeObject;
  const fields = FIELDS[kind];
  if (fields === undefined) options['path'] = `/${rest.join('/')}`;
  for (const [name, type] of Object.entries(fields ?? {})) {
    const value = readField(type, query, name);
    if (value !== undefined) setOwn(options, name, value);
  }
  return options;
}

/** The request with what admission made of its options. */
export function withOptions(info: RequestInfo, options: KubeObject): RequestInfo {
  const fields = FIELDS[options.kind];
  if (fields === undefined) return withPath(info, String(options['path'] ?? ''));
  const query = new URLSearchParams();
  for (const name of Object.keys(fields)) {
    const value: unknown = ownValue(options as Record<string, unknown>, name);
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined && item !== null) query.append(name, String(item));
    }
  }
  return { ...info, query };
}

function withPath(info: RequestInfo, path: string): RequestInfo {
  const rest = path.split('/').slice(path.startsWith('/') ? 1 : 0);
  if (rest.at(-1) === '') rest.pop();
  // Only its end counts: whether it has a slash.
  return { ...info, rest, path };
}

function readField(type: FieldKind, query: URLSearchParams, name: string): unknown {
  if (type === 'boolean') return parseBoolean(query, name) || undefined;
  const values = query.getAll(name);
  if (values.length === 0) return undefined;
  if (type === 'text') return values[0] || undefined;
  return type === 'texts' ? values : values.flatMap((value) => value.split(',')).map(numberOf);
}

function numberOf(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isInteger(number)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return number;
}
