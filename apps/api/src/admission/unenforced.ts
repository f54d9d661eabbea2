import type { KubeObject } from '#apimachinery';
import type { Lister } from '../storage/lister.js';

/**
 * What the API takes and nothing acts on yet: one row a feature, and the row goes with the change that makes the feature
 * work. Writers are told. No row is a policy: what forbids or bounds something is enforced, or refused.
 */
export interface Unenforced {
  /** `<group>/<plural>`, or `<plural>` for core. */
  resources: readonly string[];
  /** Its name. */
  feature: string;
  /** The warning. */
  text: string;
  /** Absent: always. */
  when?(object: KubeObject, lister: Lister): boolean;
}

const NO_EFFECT = 'yet: this object has no effect';

export const unenforced: readonly Unenforced[] = [
  {
    resources: ['storage.k8s.io/csidrivers'],
    feature: 'CSI',
    text: `Berth does not use CSI drivers ${NO_EFFECT}`,
  },
  {
    resources: ['services'],
    feature: 'IPv6 Services',
    text: 'spec.ipFamilies: nodes serve IPv6 only where pods have IPv6 addresses (a second range in --cluster-cidr): without it nothing answers at the IPv6 address of this Service',
    when: ({ spec }) => spec.type !== 'ExternalName' && (spec.ipFamilies ?? []).includes('IPv6'),
  },
  {
    resources: [
      'resource.k8s.io/resourceclaims',
      'resource.k8s.io/resourceclaimtemplates',
      'resource.k8s.io/deviceclasses',
      'resource.k8s.io/devicetaintrules',
      'resource.k8s.io/resourceslices',
    ],
    feature: 'dynamic resource allocation',
    text: `Berth does not allocate devices ${NO_EFFECT}`,
  },
];
