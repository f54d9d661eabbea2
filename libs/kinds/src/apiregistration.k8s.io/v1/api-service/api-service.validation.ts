import { isDNS1035Label, isDNS1123Subdomain, isPathSegmentName, isPortNumber, quote } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { APIService } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

const statuses = ['True', 'False', 'Unknown'];

export const apiServiceValidator: KindValidator = {
  rules: [
    'the name is <version>.<group>',
    'spec.group is a DNS name, and empty only with v1',
    'spec.version is a DNS label',
    'groupPriorityMinimum is 1 to 20000, versionPriority 1 to 1000',
    'local ones have no caBundle and no insecureSkipTLSVerify',
    'service has namespace, name and port',
    'insecureSkipTLSVerify excludes caBundle',
    'status: conditions are True, False or Unknown',
  ],
  validateCreate: check,
  validateUpdate(item: APIService, _old: APIService, { subresource }) {
    if (subresource !== 'status') return check(item);
    const at = new FieldCursor('status');
    at.each('conditions', item.status?.conditions, ({ status }) => at.optionalChoice('status', status ?? '', statuses));
    return at.all();
  },
};

function check({ metadata, spec }: APIService) {
  const at = new FieldCursor();
  const { group = '', version = '', service, caBundle = '', insecureSkipTLSVerify: insecure = false } = spec ?? {};
  const wanted = `${version}.${group}`;
  if (isPathSegmentName(metadata.name ?? '').length === 0 && metadata.name !== wanted) {
    at.invalid('metadata.name', metadata.name, `must be \`spec.version+"."+spec.group\`: ${quote(wanted)}`);
  }
  at.enter('spec');
  if (group !== '') at.format('group', group, isDNS1123Subdomain);
  else if (version !== 'v1') at.required('group', 'only v1 may have an empty group and it better be legacy kube');
  at.format('version', version, isDNS1035Label);
  const { groupPriorityMinimum: groupPriority = 0, versionPriority = 0 } = spec ?? {};
  if (groupPriority <= 0 || groupPriority > 20_000) {
    at.invalid('groupPriorityMinimum', groupPriority, 'must be positive and less than 20000');
  }
  if (versionPriority <= 0 || versionPriority > 1000) {
    at.invalid('versionPriority', versionPriority, 'must be positive and less than 1000');
  }
  if (service === undefined) {
    if (caBundle !== '') {
      const bytes = Buffer.from(caBundle, 'base64').length;
      at.invalid('caBundle', `${bytes} bytes`, 'local APIServices may not have a caBundle');
    }
    if (insecure) {
      at.invalid('insecureSkipTLSVerify', insecure, 'local APIServices may not have insecureSkipTLSVerify');
    }
    return at.all();
  }
  if (!service.namespace) at.required('service.namespace');
  if (!service.name) at.required('service.name');
  const problems = isPortNumber(service.port ?? 0);
  if (problems.length > 0) at.invalid('service.port', service.port ?? 0, `port is not valid: ${problems.join(', ')}`);
  if (insecure && caBundle !== '') {
    at.invalid('insecureSkipTLSVerify', insecure, 'may not be true if caBundle is present');
  }
  return at.all();
}
