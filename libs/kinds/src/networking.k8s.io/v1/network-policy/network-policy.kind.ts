import { age, nameOf, selectorText } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { networkPolicyValidator } from './network-policy.validation.js';

export const networkPolicyKind: KindModule = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  validator: networkPolicyValidator,
  defaults: {
    'spec.policyTypes': ({ spec }) => {
      if ((spec.policyTypes?.length ?? 0) > 0) return;
      spec.policyTypes = (spec.egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    },
  },
  cells: (object, now) => [nameOf(object), selectorText(object.spec?.podSelector), age(object, now)],
};
