import type { KubeObject } from '#apimachinery';
import type { FieldError, ResourceDefinition, WriteContext } from './definition.js';
import { findResource } from './registry/resources.js';
import { decodeAs } from './schema/decode.js';

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

/** Changes a created object through an endpoint; gives the object and what is wrong with it. */
export function updated(
  path: string,
  body: Record<string, unknown>,
  change: (object: any) => void,
  subresource = '',
): { object: any; errors: string[] } {
  const { strategy } = resource(path);
  const old = created(path, body);
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
