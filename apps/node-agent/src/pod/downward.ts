import { bare, ownValue, Quantity } from '#apimachinery';
import type { ObjectFieldSelector, ResourceFieldSelector } from '#kinds';
import type { Container, Pod, ResourceList } from './pod.js';

/** What the pod's own fields look like to it. Used by env and by downwardAPI volumes. */
export interface DownwardContext {
  pod: Pod;
  podIPs: string[];
  hostIPs: string[];
  nodeName: string;
  /** Limits that a container without its own has. */
  nodeAllocatable: ResourceList;
}

export class DownwardError extends Error {}

export function fieldValue(context: DownwardContext, selector: ObjectFieldSelector): string {
  const { pod, podIPs, hostIPs } = context;
  const { metadata, spec } = pod;
  const path = selector.fieldPath;
  const subscript = /^metadata\.(annotations|labels)\['(.*)'\]$/.exec(path);
  if (subscript) {
    const map = subscript[1] === 'labels' ? metadata.labels : metadata.annotations;
    return ownValue(map, subscript[2]!) ?? '';
  }
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace;
    case 'metadata.uid':
      return metadata.uid;
    case 'metadata.labels':
      return formatMap(metadata.labels);
    case 'metadata.annotations':
      return formatMap(metadata.annotations);
    case 'spec.nodeName':
      return spec.nodeName ?? context.nodeName;
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return hostIPs[0] ?? '';
    case 'status.hostIPs':
      return hostIPs.join(',');
    case 'status.podIP':
      return podIPs[0] ?? '';
    case 'status.podIPs':
      return podIPs.join(',');
  }
  throw new DownwardError(`unsupported fieldPath: ${path}`);
}

/** One `key="value"` a line, sorted, with Go's escapes. */
function formatMap(map: Record<string, string> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${goQuote(map![key]!)}`)
    .join('\n');
}

function goQuote(text: string): string {
  const escapes = bare<string>({
    '\\': '\\\\',
    '"': '\\"',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\u0007': '\\a',
    '\b': '\\b',
    '\f': '\\f',
    '\v': '\\v',
  });
  let out = '"';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (escapes[character]) out += escapes[character];
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += character;
  }
  return `${out}"`;
}

export function resourceValue(context: DownwardContext, container: Container, selector: ResourceFieldSelector): string {
  const [list, name] = splitResource(selector.resource);
  const { requests, limits } = container.resources ?? {};
  // Without a limit the node's allocatable counts; a request falls back to the limit, as defaulting would set it.
  const value =
    list === 'limits'
      ? (ownValue(limits, name) ?? ownValue(context.nodeAllocatable, name))
      : (ownValue(requests, name) ?? ownValue(limits, name));
  if (value === undefined) return '0';
  const divisor = selector.divisor && selector.divisor !== '0' ? selector.divisor : '1';
  return String(divideUp(value, divisor, name === 'cpu'));
}

function splitResource(resource: string): ['limits' | 'requests', string] {
  const dot = resource.indexOf('.');
  const list = resource.slice(0, dot);
  if (list !== 'limits' && list !== 'requests') {
    throw new DownwardError(`unsupported container resource : ${resource}`);
  }
  return [list, resource.slice(dot + 1)];
}

/** Rounds up; CPU is compared in thousandths. */
function divideUp(value: string | number, divisor: string, cpu: boolean): number {
  const number = (input: string | number) => {
    const quantity = Quantity.parse(input);
    return cpu ? quantity.milliValue() : quantity.value();
  };
  return Math.ceil(number(value) / number(divisor));
}
