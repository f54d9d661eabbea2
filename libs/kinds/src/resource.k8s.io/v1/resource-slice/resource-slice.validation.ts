import { isDNS1123Label, isDNS1123Subdomain } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkNodeSelector } from '../../../core/v1/pod/pod-scheduling.validation.js';
import { checkDriverName } from '../../../core/v1/pod/pod-volumes.validation.js';
import type { ResourceSlice, ResourceSliceSpec } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkPoolName } from '../device-names.validation.js';

const MAX_DEVICES = 128;
/** When a device has taints, or takes from shared counters. */
const MAX_ADVANCED_DEVICES = 64;
const MAX_COUNTER_SETS = 8;
const oneOf = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';

export const resourceSliceValidator: KindValidator = {
  rules: [
    'driver is a DNS name of at most 63 characters',
    'pool: a name, resourceSliceCount is positive, generation is not negative',
    'exactly one of nodeName, nodeSelector (of one term), allNodes, perDeviceNodeSelection',
    'sharedCounters (at most 8) and devices exclude each other',
    'devices: at most 128, or 64 with taints or counters, with unique DNS labels as names',
    {
      rule: 'attributes, capacity, taints, counters and conditions of devices are well-formed',
      enforcedBy: 'nothing yet: devices are not looked into',
    },
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
  checkDevices(at, spec);
  const sets = spec.sharedCounters?.length ?? 0;
  if (sets > MAX_COUNTER_SETS) at.declared(() => at.tooMany('sharedCounters', sets, MAX_COUNTER_SETS));
  return at.all();
}

/** Which nodes can use the devices. */
function checkNodes(at: FieldCursor, spec: ResourceSliceSpec): void {
  const { nodeName, nodeSelector } = spec;
  const set: string[] = [];
  if (nodeName === '') at.invalid('nodeName', nodeName, 'must be either unset or set to a non-empty string');
  else if (nodeName !== undefined) {
    set.push('`nodeName`');
    at.format('nodeName', nodeName, isDNS1123Subdomain);
  }
  if (nodeSelector !== undefined) {
    set.push('`nodeSelector`');
    checkNodeSelector(at, 'nodeSelector', nodeSelector, false);
    const terms = nodeSelector.nodeSelectorTerms;
    if (terms?.length !== 1) {
      at.invalid('nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term');
    }
  }
  for (const name of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[name] === false) at.invalid(name, false, 'must be either unset or set to true');
    else if (spec[name]) set.push(`\`${name}\``);
  }
  if (set.length === 0) at.required('', oneOf);
  else if (set.length > 1) at.invalid('', `{${set.join(', ')}}`, `${oneOf}, but multiple fields are set`);
}

function checkDevices(at: FieldCursor, { devices = [] }: ResourceSliceSpec): void {
  const isAdvanced = devices.some(({ taints, consumesCounters }) => {
    return (taints?.length ?? 0) + (consumesCounters?.length ?? 0) > 0;
  });
  const max = isAdvanced ? MAX_ADVANCED_DEVICES : MAX_DEVICES;
  if (devices.length > max) {
    at.tooMany('devices', devices.length, max);
    return;
  }
  at.each('devices', devices, ({ name }) => at.format('name', name ?? '', isDNS1123Label));
  const seen = new Set<string>();
  at.each('devices', devices, ({ name }) => {
    if (seen.has(name)) at.duplicate('', name);
    seen.add(name);
  });
}
