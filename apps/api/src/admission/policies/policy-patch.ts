import {
  childNode,
  type GroupVersionKind,
  internalError,
  isJsonObject,
  type KubeObject,
  type SchemaNode,
  StatusError,
} from '#apimachinery';
import type { ResourceCatalog } from '#kinds';
import { applyDefaults, decoded, patchedObject } from '../webhooks/patched-object.js';
import type { Change } from './mutating-policy.js';

/** Merges as server-side apply does: `applied` over `live`, by the schema. */
export type Merge = (schema: SchemaNode, live: unknown, applied: unknown) => unknown;

/** The object with a change, and its defaults. An Error where the change does not fit it. */
export function changedObject(
  catalog: ResourceCatalog,
  merge: Merge,
  object: KubeObject,
  kind: GroupVersionKind,
  change: Change,
): KubeObject | Error {
  const changed =
    'patch' in change
      ? patched(catalog, object, kind, change.patch)
      : merged(catalog, merge, object, kind, change.apply);
  if (!(changed instanceof Error) && changed !== object) applyDefaults(catalog, changed, kind);
  return changed;
}

/** A test that fails means that there is nothing to do. */
function patched(
  catalog: ResourceCatalog,
  object: KubeObject,
  kind: GroupVersionKind,
  patch: readonly unknown[],
): KubeObject | Error {
  try {
    return patchedObject(catalog, object, kind, patch);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    if (/test failed$/.test(error.message)) return object;
    return new Error(`JSON Patch: ${error.message.replace(/^Internal error occurred: /, '')}`);
  }
}

function merged(
  catalog: ResourceCatalog,
  merge: Merge,
  object: KubeObject,
  kind: GroupVersionKind,
  applied: Readonly<Record<string, unknown>>,
): KubeObject | Error {
  const definition = catalog.findKind(kind.group, kind.version, kind.kind);
  if (definition === undefined) return internalError(new Error(`no schema of kind ${kind.kind}`));
  const atomic = atomicPaths(definition.schema, applied, '');
  if (atomic.length > 0) {
    const why = `may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`;
    return new Error(`error applying patch: invalid ApplyConfiguration: ${why}`);
  }
  const wanted = { ...applied, apiVersion: object.apiVersion, kind: object.kind };
  return decoded(catalog, merge(definition.schema, object, wanted) as Record<string, unknown>, kind);
}

/** Places of a configuration that could only be set as a whole. */
function atomicPaths(node: SchemaNode, value: unknown, path: string): string[] {
  if (Array.isArray(value)) {
    const { items } = node;
    const own = node.listType === 'map' || node.listType === 'set' ? [] : [path];
    if (items === undefined) return own;
    return [...own, ...value.flatMap((item, index) => atomicPaths(items, item, `${path}[${index}]`))];
  }
  if (!isJsonObject(value) || node.kind === 'scalar') return [];
  const own = node.mapType === 'atomic' ? [path] : [];
  return [
    ...own,
    ...Object.keys(value).flatMap((key) => atomicPaths(childNode(node, key), value[key], `${path}.${key}`)),
  ];
}
