import type { KindValidator } from '../../../contract/kind-module.js';
import { checkDriverName } from '../../../core/v1/pod/pod-volumes.validation.js';
import type { ResourceSlice, ResourceSliceSpec } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkPoolName } from '../device-names.validation.js';
import { checkDevices } from './device.validation.js';
import { checkSharedCounters } from './device-counters.validation.js';
import { checkNodeChoice } from './node-choice.validation.js';

const oneOf = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
const nodeWords = {
  emptyName: 'must be either unset or set to a non-empty string',
  none: oneOf,
  several: `${oneOf}, but multiple fields are set`,
};

export const resourceSliceValidator: KindValidator = {
  rules: [
    'driver is a DNS name of at most 63 characters',
    'pool: a name, resourceSliceCount is positive, generation is not negative',
    'exactly one of nodeName, nodeSelector (of one term), allNodes, perDeviceNodeSelection',
    'sharedCounters (at most 8) and devices exclude each other',
    'devices: at most 128, or 64 with taints or counters, with unique DNS labels as names',
    'attributes: at most 32 with the capacities, under a C identifier with or without a domain, each with one int, bool, string or version (semver) of at most 64 bytes',
    'capacity: a policy for requests only with allowMultipleAllocations, of sorted values or of a range with steps, with a default that it allows',
    'taints: at most 16; key is a label key, value a label value, effect is required, one of NoExecute, NoSchedule, None',
    'counters: at most 32 in a set, under DNS labels; a device takes from at most 2 sets',
    'nodes of a device: exactly one of nodeName, nodeSelector, allNodes with perDeviceNodeSelection, otherwise none',
    'binding conditions: at most 4 label keys that must hold and 4 others that must not; both or neither',
    'immutable: spec.pool.name, spec.driver, spec.nodeName',
  ],
  validateCreate: ({ spec }: ResourceSlice) => check(spec, undefined),
  validateUpdate: ({ spec }: ResourceSlice, old: ResourceSlice) => check(spec, old.spec),
};

function check(spec: ResourceSliceSpec, old: ResourceSliceSpec | undefined) {
  const at = new FieldCursor('spec');
  checkDriverName(at, spec.driver);
  at.within('pool', () => {
    const { name, resourceSliceCount: count = 0, generation = 0 } = spec.pool ?? {};
    checkPoolName(at, 'name', name);
    at.positive('resourceSliceCount', count);
    if (generation < 0) at.invalid('generation', generation, 'must be greater than or equal to zero');
  });
  if (old !== undefined) {
    at.immutable('pool.name', spec.pool?.name, old.pool.name);
    at.immutable('driver', spec.driver, old.driver);
    at.immutable('nodeName', spec.nodeName, old.nodeName);
  }
  checkNodes(at, spec);
  if (spec.sharedCounters !== undefined && spec.devices !== undefined) {
    at.invalid('', '', 'only one of `sharedCounters` or `devices` is allowed');
  }
  checkDevices(at, spec, old);
  checkSharedCounters(at, spec.sharedCounters);
  return at.all();
}

function checkNodes(at: FieldCursor, spec: ResourceSliceSpec): void {
  const { nodeName, nodeSelector, allNodes, perDeviceNodeSelection } = spec;
  const choice = { nodeName, nodeSelector, flags: { allNodes, perDeviceNodeSelection } };
  checkNodeChoice(at, choice, nodeWords, ({ nodeSelectorTerms: terms }) => {
    if (terms?.length === 1) return;
    at.invalid('nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term');
  });
}
