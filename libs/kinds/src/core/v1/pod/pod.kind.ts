import type { KindModule } from '../../../contract/kind-module.js';
import { podCells, podRowConditions } from './pod.columns.js';
import { podDefaults, podTypeDefaults } from './pod.defaults.js';
import { podStrategy } from './pod.strategy.js';
import { podValidator } from './pod.validation.js';
import { podWarnings } from './pod.warnings.js';
import { nameWarnings } from './pod-template.warnings.js';

export const podKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  strategy: podStrategy,
  validator: podValidator,
  warnings: (pod, old) => {
    // People rarely update pods, and others do so often.
    if (old !== undefined) return [];
    return [...nameWarnings(pod, "used in the Pod's hostname"), ...podWarnings(pod.spec, pod.metadata)];
  },
  defaults: podDefaults,
  typeDefaults: podTypeDefaults,
  cells: podCells,
  rowConditions: podRowConditions,
  fieldLabels: {
    'spec.hostNetwork': (pod) => pod.spec?.hostNetwork ?? false,
    'spec.host': (pod) => pod.spec?.nodeName,
    'status.podIP': (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP,
    'status.podIPs': (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP,
  },
  deletion: { returnsObject: true },
};
