import { isDNS1123Label, semanticEqual } from '#apimachinery';
import type { Device, ResourceSliceSpec } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkBindingConditions } from '../binding-conditions.validation.js';
import { checkDeviceTaint } from '../device-taints.validation.js';
import { checkDeviceAttributes } from './device-attributes.validation.js';
import { checkDeviceCapacity } from './device-capacity.validation.js';
import { checkConsumedCounters } from './device-counters.validation.js';
import { checkNodeChoice } from './node-choice.validation.js';

const MAX_DEVICES = 128;
/** When a device has taints, or takes from shared counters. */
const MAX_ADVANCED_DEVICES = 64;
const MAX_TAINTS = 16;

const setting = '`perDeviceNodeSelection` is set to true in the ResourceSlice spec';
const oneOf = `exactly one of \`nodeName\`, \`nodeSelector\`, or \`allNodes\` is required when ${setting}`;
const nodeWords = { emptyName: 'must not be empty', none: oneOf, several: oneOf };
const noneOf = `\`nodeName\`, \`nodeSelector\` and \`allNodes\` can only be set if ${setting}`;

/** With the cursor at the spec. Capacity and taints that a device has already are good. */
export function checkDevices(at: FieldCursor, spec: ResourceSliceSpec, old: ResourceSliceSpec | undefined): void {
  const { devices = [], perDeviceNodeSelection = false } = spec;
  const isAdvanced = devices.some(({ taints, consumesCounters }) => {
    return (taints?.length ?? 0) + (consumesCounters?.length ?? 0) > 0;
  });
  const max = isAdvanced ? MAX_ADVANCED_DEVICES : MAX_DEVICES;
  if (devices.length > max) {
    at.tooMany('devices', devices.length, max);
    return;
  }
  const known = new Map((old?.devices ?? []).toReversed().map((device) => [device.name, device]));
  at.each('devices', devices, (device) => checkDevice(at, device, known.get(device.name), perDeviceNodeSelection));
  const seen = new Set<string>();
  at.each('devices', devices, ({ name }) => {
    if (seen.has(name)) at.duplicate('', name);
    seen.add(name);
  });
}

function checkDevice(at: FieldCursor, device: Device, old: Device | undefined, choosesNodes: boolean): void {
  at.format('name', device.name ?? '', isDNS1123Label);
  checkDeviceAttributes(at, device);
  if (old === undefined || !semanticEqual(device.capacity, old.capacity)) checkDeviceCapacity(at, device);
  if (old === undefined || !semanticEqual(device.taints, old.taints)) checkTaints(at, device);
  checkConsumedCounters(at, device.consumesCounters);
  if (choosesNodes) {
    const { nodeName, nodeSelector, allNodes } = device;
    checkNodeChoice(at, { nodeName, nodeSelector, flags: { allNodes } }, nodeWords);
  } else if ([device.nodeName, device.nodeSelector, device.allNodes].some((value) => value !== undefined)) {
    at.invalid('', null, noneOf);
  }
  checkBindingConditions(at, device);
}

function checkTaints(at: FieldCursor, { taints = [] }: Device): void {
  if (taints.length > MAX_TAINTS) at.tooMany('taints', taints.length, MAX_TAINTS);
  else at.each('taints', taints, (taint) => checkDeviceTaint(at, taint));
}
