import { age, nameOf, none } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { ingressClassValidator } from './ingress-class.validation.js';

const cells: Cells = (object, now) => {
  const isDefault = object.metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true';
  const { parameters } = object.spec ?? {};
  const kind = parameters?.apiGroup ? `${parameters.kind}.${parameters.apiGroup}` : parameters?.kind;
  return [
    isDefault ? `${nameOf(object)} (default)` : nameOf(object),
    object.spec?.controller ?? '',
    parameters === undefined ? none : `${kind}/${parameters.name}`,
    age(object, now),
  ];
};

export const ingressClassKind: KindModule = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  validator: ingressClassValidator,
  defaults: {
    'spec.parameters.scope': ({ spec }) => {
      if (spec?.parameters !== undefined) spec.parameters.scope ??= 'Cluster';
    },
  },
  cells,
};
