import { isJsonObject, type KubeObject, ownValue, setOwn } from '#apimachinery';
import type { ResourceEntry } from '../resource-table.js';

/**
 * Fields that an endpoint does not let its clients change: whoever sends them does not own them. Facts of the reference's
 * strategies (GetResetFields): status behind the main endpoint and all subresources but its own, spec behind status.
 */
type Path = readonly string[];

const STATUS: readonly Path[] = [['status']];
const SPEC: readonly Path[] = [['spec']];
const SPEC_AND_METADATA: readonly Path[] = [['spec'], ['metadata']];

/** `<storage resource>/<subresource>` where it is something else. */
const EXCEPTIONS: ReadonlyMap<string, readonly Path[]> = new Map([
  ['apps/deployments/status', [['spec'], ['metadata', 'labels']]],
  ['pods/status', [['spec'], ['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences']]],
  ['certificates.k8s.io/certificatesigningrequests/', [['spec'], ['status']]],
  ['certificates.k8s.io/certificatesigningrequests/status', [['spec'], ['status', 'conditions']]],
  ['certificates.k8s.io/certificatesigningrequests/approval', [['spec'], ['status', 'certificate']]],
  ...[
    'admissionregistration.k8s.io/validatingadmissionpolicies',
    'apiextensions.k8s.io/customresourcedefinitions',
    'apiregistration.k8s.io/apiservices',
    'certificates.k8s.io/podcertificaterequests',
    'flowcontrol.apiserver.k8s.io/flowschemas',
    'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations',
    'internal.apiserver.k8s.io/storageversions',
    'networking.k8s.io/servicecidrs',
    'resource.k8s.io/devicetaintrules',
    'resource.k8s.io/resourceclaims',
    'storage.k8s.io/csinodes',
    'storage.k8s.io/volumeattachments',
    'storagemigration.k8s.io/storageversionmigrations',
  ].map((resource) => [`${resource}/status`, SPEC_AND_METADATA] as const),
]);

const found = new WeakMap<ResourceEntry, Map<string, readonly Path[]>>();

export function resetFields(entry: ResourceEntry, subresource: string): readonly Path[] {
  let paths = found.get(entry);
  if (paths === undefined) {
    paths = new Map();
    found.set(entry, paths);
  }
  let fields = paths.get(subresource);
  if (fields === undefined) {
    fields = EXCEPTIONS.get(`${entry.definition.storageResource}/${subresource}`) ?? ordinary(entry, subresource);
    paths.set(subresource, fields);
  }
  return fields;
}

function ordinary(entry: ResourceEntry, subresource: string): readonly Path[] {
  if (subresource === 'status') return entry.definition.custom ? SPEC_AND_METADATA : SPEC;
  return entry.subresources.has('status') ? STATUS : [];
}

/** `object` as ownership is told from it: the fields are as in `old`, or missing. Shares what it leaves alone. */
export function withoutReset(object: KubeObject, old: KubeObject | undefined, fields: readonly Path[]): KubeObject {
  let seen = object;
  for (const path of fields) seen = reset(seen, old, path, 0);
  return seen;
}

function reset<T extends Record<string, unknown>>(value: T, old: T | undefined, path: Path, at: number): T {
  const key = path[at]!;
  const given = ownValue(value, key);
  const stored = ownValue(old, key);
  let settled = stored;
  if (at < path.length - 1) {
    if (!isJsonObject(given)) return value;
    settled = reset(given, isJsonObject(stored) ? stored : undefined, path, at + 1);
  }
  if (settled === given) return value;
  // own-lookup: the key is of a path above; deleting it from a copy would make that slow to compare.
  const { [key]: _, ...copy } = value as Record<string, unknown>;
  if (settled !== undefined) setOwn(copy, key, settled);
  return copy as T;
}
