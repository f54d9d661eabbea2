import {
  applyJsonPatch,
  type GroupVersionKind,
  internalError,
  type KubeObject,
  parseGroupVersion,
  StatusError,
} from '#apimachinery';
import { DecodeError, type ResourceCatalog } from '#kinds';
import { type ExpectedKind, expectedKind } from '../../codec/body-decoder.js';

/**
 * The object with a webhook's patch, decoded anew: unknown fields are dropped. It has no new defaults yet. Throws a 500 where
 * the patch does not fit the object, or its result not the kind.
 */
export function patchedObject(
  catalog: ResourceCatalog,
  object: KubeObject,
  kind: GroupVersionKind,
  patch: readonly unknown[],
): KubeObject {
  let patched: Record<string, unknown>;
  try {
    patched = applyJsonPatch(object, patch);
  } catch (error) {
    if (error instanceof StatusError) throw internalError(error.cause ?? error);
    throw error;
  }
  checkKind(patched, kind);
  return decoded(catalog, patched, kind);
}

/** Fills in what the kind has for defaults. Kinds that are no resources have none. */
export function applyDefaults(catalog: ResourceCatalog, object: KubeObject, kind: GroupVersionKind): void {
  catalog.findKind(kind.group, kind.version, kind.kind)?.strategy.applyDefaults(object);
}

function checkKind(patched: Record<string, unknown>, wanted: GroupVersionKind): void {
  const { kind, apiVersion } = patched;
  const given = typeof apiVersion === 'string' ? parseGroupVersion(apiVersion) : undefined;
  if (kind === wanted.kind && given?.group === wanted.group && given.version === wanted.version) return;
  const version = wanted.group === '' ? wanted.version : `${wanted.group}/${wanted.version}`;
  throw internalError(
    new Error(`converting (${String(apiVersion)}.${String(kind)}) to (${version}.${wanted.kind}): unknown conversion`),
  );
}

function decoded(catalog: ResourceCatalog, patched: Record<string, unknown>, kind: GroupVersionKind): KubeObject {
  const expected = expectedOf(catalog, kind);
  if (expected === undefined) return patched as KubeObject;
  try {
    const object = expected.decode(patched).object as KubeObject;
    object.metadata ??= {};
    return object;
  } catch (error) {
    if (error instanceof DecodeError) throw internalError(error);
    throw error;
  }
}

/** Options of connections are no types of the release's schemas, and stay as they are. */
function expectedOf(
  catalog: ResourceCatalog,
  { group, version, kind }: GroupVersionKind,
): Pick<ExpectedKind, 'decode'> | undefined {
  const resource = catalog.findKind(group, version, kind);
  if (resource) return resource;
  if (kind.endsWith('Options')) return undefined;
  const family = group === '' ? 'core' : group.split('.')[0];
  return expectedKind(group, version, kind, `io.k8s.api.${family}.${version}.${kind}`);
}
