import type { KindModule } from '../../../contract/kind-module.js';
import { nodeCells } from './node.columns.js';
import { nodeStrategy } from './node.strategy.js';
import { nodeValidator } from './node.validation.js';

export const nodeKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'Node',
  strategy: nodeStrategy,
  validator: nodeValidator,
  defaults: {
    'status.allocatable': ({ status }) => {
      if (status?.capacity !== undefined) status.allocatable ??= { ...status.capacity };
    },
  },
  typeDefaults: {
    // The older field decides: who changes it alone changes both, and validation sees that.
    'io.k8s.api.core.v1.NodeSpec': {
      podCIDRs: (spec) => {
        if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
      },
      podCIDR: (spec) => {
        if (!spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
      },
    },
  },
  cells: nodeCells,
  fieldLabels: { 'spec.unschedulable': (node) => node.spec?.unschedulable ?? false },
};
