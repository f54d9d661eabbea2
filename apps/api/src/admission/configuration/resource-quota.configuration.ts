import { ConfigurationObject } from '../../configuration/configuration-object.js';
import type { LimitedResource } from '../plugins/resource-quota.js';

/** A ResourceQuotaConfiguration. Throws ConfigurationError. */
export function readResourceQuota(path: string, value: unknown): LimitedResource[] {
  const versions = [
    'apiserver.config.k8s.io/v1',
    'resourcequota.admission.k8s.io/v1beta1',
    'resourcequota.admission.k8s.io/v1alpha1',
  ];
  // In the group that was the plugin's own, the kind is called Configuration.
  const kind =
    (value as { kind?: unknown } | null)?.kind === 'Configuration' ? 'Configuration' : 'ResourceQuotaConfiguration';
  const object = ConfigurationObject.ofKind(path, value, versions, kind, ['limitedResources']);
  const fields = ['apiGroup', 'resource', 'matchContains', 'matchScopes'];
  return object.objects('limitedResources', fields).map((limited) => {
    const resource = limited.text('resource') ?? '';
    if (resource === '') throw limited.error('resource', 'Required value');
    return {
      apiGroup: limited.text('apiGroup') ?? '',
      resource,
      matchContains: limited.texts('matchContains'),
      matchScopes: limited.objects('matchScopes', ['scopeName', 'operator', 'values']).map((scope) => ({
        scopeName: scope.text('scopeName') ?? '',
        operator: scope.text('operator') ?? '',
        values: scope.texts('values'),
      })),
    };
  });
}
