import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  invalid,
  type KubeObject,
  notFound,
  type ObjectMeta,
  type StatusError,
} from '#apimachinery';
import type { AdmissionAttributes, AdmissionOperation } from '../../admission/admission.js';
import type { CachedObject, CommitFailure, Guard, ObjectKey, Revision } from '../../storage/store.js';
import type { ApiRequest, ApiResult } from '../api-request.js';
import type { Contribution, RegistryContext } from '../registry-context.js';
import type { ResourceEntry } from '../resource-table.js';

/** What all writes share: admission attributes, keys, guards, and answers. */

export const NO_CONTRIBUTION: Contribution = Object.freeze({ writes: [], guards: [] });

export function keyOf(entry: ResourceEntry, namespace: string, name: string): ObjectKey {
  const { storageResource, namespaced } = entry.definition;
  return { resource: storageResource, namespace: namespaced ? namespace : '', name };
}

/** Whether this is the object's newest state; another replica may have written one that the cache learns of just now. */
export async function isNewest(
  { store }: RegistryContext,
  entry: ResourceEntry,
  object: CachedObject,
): Promise<boolean> {
  await store.readBarrier();
  return entry.cache.get(object.namespace, object.name)?.revision === object.revision;
}

/** A create lands only while its namespace is there, whatever admission saw a moment before. */
export function namespaceGuards(entry: ResourceEntry, namespace: string): Guard[] {
  if (!entry.definition.namespaced) return [];
  return [{ kind: 'exists', key: { resource: 'namespaces', namespace: '', name: namespace } }];
}

export function admissionAttributes(
  entry: ResourceEntry,
  request: Pick<ApiRequest, 'namespace' | 'name' | 'subresource' | 'user'>,
  operation: AdmissionOperation,
  object: KubeObject | undefined,
  oldObject: KubeObject | undefined,
  options: Record<string, unknown>,
  warnings: string[],
): AdmissionAttributes {
  const { group, version, plural, kind } = entry.definition;
  return {
    operation,
    resource: { group, version, resource: plural },
    kind,
    subresource: request.subresource,
    namespace: request.namespace,
    name: request.name || object?.metadata.name || '',
    object,
    oldObject,
    options,
    user: request.user,
    dryRun: options.dryRun === true,
    warn: (text) => warnings.push(text),
  };
}

/** The object as the endpoint's version says it; frozen. */
export function servedObject(entry: ResourceEntry, cached: CachedObject): KubeObject {
  return entry.served ? entry.served.convert(cached.parse()) : cached.parse();
}

/** Puts the request's namespace into the object, or refuses another one. */
export function settleNamespace(entry: ResourceEntry, metadata: ObjectMeta, namespace: string): void {
  if (!entry.definition.namespaced) {
    if (metadata.namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    delete metadata.namespace;
    return;
  }
  if (!metadata.namespace) metadata.namespace = namespace;
  else if (metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

export function throwInvalid(entry: ResourceEntry, name: string, errors: FieldError[]): void {
  if (errors.length === 0) return;
  const { group, kind } = entry.definition;
  throw invalid({ group, kind }, name, errors);
}

/** Same owner twice is kept once, with a warning, as the reference does. */
export function dropRepeatedOwners(metadata: ObjectMeta, warnings: string[]): void {
  const owners = metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  const seen = new Set<string>();
  const repeated: string[] = [];
  const kept = owners.filter((owner) => {
    const text = JSON.stringify([owner.apiVersion, owner.kind, owner.name, owner.uid, owner.controller ?? null]);
    if (!seen.has(text)) {
      seen.add(text);
      return true;
    }
    repeated.push(owner.uid);
    return false;
  });
  if (repeated.length === 0) return;
  metadata.ownerReferences = kept;
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(', ')}`,
  );
}

/** What the client is told when the store refuses; `name` is the object that the request is about. */
export function commitError(entry: ResourceEntry, name: string, failure: CommitFailure): StatusError {
  const own = failure.key.resource === entry.definition.storageResource && failure.key.name === name;
  if (own) {
    if (failure.reason === 'exists') return alreadyExists(entry.groupResource, name);
    if (failure.reason === 'missing') return notFound(entry.groupResource, name);
    return conflict(entry.groupResource, name);
  }
  if (failure.reason === 'missing') return notFound(groupResourceOf(failure.key.resource), failure.key.name);
  return conflict(entry.groupResource, name);
}

export function groupResourceOf(storageResource: string): { group: string; resource: string } {
  const slash = storageResource.indexOf('/');
  if (slash < 0) return { group: '', resource: storageResource };
  return { group: storageResource.slice(0, slash), resource: storageResource.slice(slash + 1) };
}

/** The written object: the cache's ready bytes when they are still of this write, else what was sent to the store. */
export function writtenResult(
  entry: ResourceEntry,
  key: ObjectKey,
  object: KubeObject,
  revision: Revision,
  code: number,
): ApiResult {
  const cached = entry.cache.get(key.namespace, key.name);
  if (cached?.revision === revision) return { kind: 'cached', code, resource: entry.definition, object: cached };
  const metadata = { ...object.metadata, resourceVersion: String(revision) };
  return { kind: 'object', code, resource: entry.definition, object: { ...object, metadata } };
}
