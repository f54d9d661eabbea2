import { domainPrefixedPathProblems, isDNS1123Label, isDNS1123Subdomain, isPathSegmentName } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { IngressClass, IngressClassParametersReference } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

const MAX_CONTROLLER_BYTES = 250;
const scopes = ['Cluster', 'Namespace'];

export const ingressClassValidator: KindValidator = {
  rules: [
    'controller: a domain-prefixed path of at most 250 bytes',
    'parameters: kind and name are required',
    'parameters.scope is one of Cluster, Namespace',
    'parameters.namespace is required with scope Namespace and forbidden with Cluster',
    'immutable: spec.controller',
  ],
  validateCreate: (item: IngressClass) => check(new FieldCursor('spec'), item),
  validateUpdate(item: IngressClass, old: IngressClass) {
    const at = new FieldCursor('spec');
    at.immutable('controller', item.spec?.controller ?? '', old.spec?.controller ?? '');
    return check(at, item);
  },
};

function check(at: FieldCursor, { spec = {} }: IngressClass) {
  const { controller = '', parameters } = spec;
  if (Buffer.byteLength(controller) > MAX_CONTROLLER_BYTES) at.tooLong('controller', MAX_CONTROLLER_BYTES);
  if (controller === '') at.required('controller');
  else
    for (const { value, message } of domainPrefixedPathProblems(controller)) at.invalid('controller', value, message);
  if (parameters !== undefined) at.within('parameters', () => checkParameters(at, parameters));
  return at.all();
}

function checkParameters(at: FieldCursor, parameters: IngressClassParametersReference): void {
  const { apiGroup, kind, name, scope, namespace } = parameters;
  if (apiGroup !== undefined && apiGroup !== null) at.format('apiGroup', apiGroup, isDNS1123Subdomain);
  if (kind) at.format('kind', kind, isPathSegmentName);
  else at.declared(() => at.required('kind'));
  if (name) at.format('name', name, isPathSegmentName);
  else at.declared(() => at.required('name'));
  if (scope === undefined) at.required('scope');
  else if (!scopes.includes(scope)) at.notSupported('scope', scope, scopes);
  else if (scope === 'Namespace') {
    if (namespace === undefined) at.required('namespace', "`parameters.scope` is set to 'Namespace'");
    else at.format('namespace', namespace, isDNS1123Label);
  } else if (namespace !== undefined) at.forbidden('namespace', "`parameters.scope` is set to 'Cluster'");
}
