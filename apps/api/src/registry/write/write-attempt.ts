import type { KubeObject } from '#apimachinery';
import type { AdmissionAttributes, AdmissionOperation } from '../../admission/admission.js';
import type { Guard } from '../../storage/store.js';
import type { ApiRequest } from '../api-request.js';
import type { Contribution } from '../registry-context.js';
import type { ResourceEntry } from '../resource-table.js';

export const NO_CONTRIBUTION: Contribution = Object.freeze({ writes: [], guards: [] });

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
