import type { KubeObject } from '#apimachinery';
import { findResource } from '../built-in/resources.js';
import type { FieldError, ResourceDefinition, WriteContext } from '../contract/definition.js';
import { decodeAs } from '../schema/decode.js';

/** For specs of this library: objects as the registry has them when it calls a strategy. */

export const now = new Date('2026-01-02T03:04:05Z');

export function resource(path: string): ResourceDefinition {
  const parts = path.split('/');
  const plural = parts.pop()!;
  const version = parts.pop()!;
  const found = findResource(parts.join('/'), version, plural);
  if (found === undefined) throw new Error(`no resource ${path}`);
  return found;
}

export function context(subresource = ''): WriteContext {
  return { user: { name: 'jane', groups: ['devs'] }, now, subresource, warn() {} };
}

/** Decoded and defaulted, with a name, a uid and, where the kind has them, a namespace. */
export function given(path: string, body: Record<string, unknown> = {}): KubeObject {
  const item = resource(path);
  const metadata = {
    name: 'it',
    uid: 'uid-1',
    ...(item.namespaced ? { namespace: 'ns' } : undefined),
    creationTimestamp: '2026-01-02T02:04:05Z',
    ...(body['metadata'] as object | undefined),
  };
  const apiVersion = item.group === '' ? item.version : `${item.group}/${item.version}`;
  const { object } = decodeAs(item.schemaName, structuredClone({ ...body, apiVersion, kind: item.kind, metadata }));
  item.strategy.applyDefaults(object);
  return object;
}

/** As a create leaves it. */
export function created(path: string, body: Record<string, unknown> = {}): KubeObject {
  const object = given(path, body);
  resource(path).strategy.prepareForCreate(object, context());
  return object;
}

/** What a create finds wrong, as `path: message`. */
export function createErrors(path: string, body: Record<string, unknown> = {}): string[] {
  return texts(resource(path).strategy.validateCreate(created(path, body), context()));
}

/**
 * Changes a created object through an endpoint; gives the object and what is wrong with it. `stored` is what others made of
 * the object before, its status for example.
 */
export function updated(
  path: string,
  body: Record<string, unknown>,
  change: (object: any) => void,
  subresource = '',
  stored: (object: any) => void = () => {},
): { object: any; errors: string[] } {
  const { strategy } = resource(path);
  const old = created(path, body);
  stored(old);
  const object: KubeObject = structuredClone(old);
  object.metadata.resourceVersion = old.metadata.resourceVersion = '7';
  change(object);
  strategy.applyDefaults(object);
  strategy.prepareForUpdate(object, old, context(subresource));
  return { object, errors: texts(strategy.validateUpdate(object, old, context(subresource))) };
}

function texts(errors: FieldError[]): string[] {
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

/** Texts of the reference that many errors end in. */
export const words = {
  subdomain:
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  namePart:
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
  labelValue:
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
  standardFinalizer: 'name is neither a standard finalizer name nor is it fully qualified',
  ipForm: 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  loopback: 'may not be in the loopback range (127.0.0.0/8, ::1/128)',
  linkLocal: 'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
  linkLocalMulticast: 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
  label:
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
} as const;
