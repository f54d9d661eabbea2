import { isDNS1123Label } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkDriverName } from '../../../core/v1/pod/pod-volumes.validation.js';
import type { DeviceTaintRule, DeviceTaintRuleSpec } from '../../../generated/types.js';
import { checkConditions } from '../../../validation/conditions.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkPoolName } from '../device-names.validation.js';
import { checkDeviceTaint } from '../device-taints.validation.js';

const MAX_CONDITIONS = 8;

export const deviceTaintRuleValidator: KindValidator = {
  rules: [
    'deviceSelector: names of a driver, a pool, a device',
    'taint: key is a label key, value a label value, effect is required, one of NoExecute, NoSchedule, None',
    'status: at most 8 conditions, well-formed',
  ],
  validateCreate: ({ spec }: DeviceTaintRule) => check(spec, undefined),
  validateUpdate({ spec, status }: DeviceTaintRule, old: DeviceTaintRule, { subresource }) {
    if (subresource !== 'status') return check(spec, old.spec);
    const at = new FieldCursor('status');
    checkConditions(at, status?.conditions);
    const count = status?.conditions?.length ?? 0;
    if (count > MAX_CONDITIONS) at.tooMany('conditions', count, MAX_CONDITIONS);
    return at.all();
  },
};

function check({ deviceSelector: selector, taint }: DeviceTaintRuleSpec, old: DeviceTaintRuleSpec | undefined) {
  const at = new FieldCursor('spec');
  at.within('deviceSelector', () => {
    if (selector?.driver !== undefined) checkDriverName(at, selector.driver);
    if (selector?.pool !== undefined) checkPoolName(at, 'pool', selector.pool);
    if (selector?.device !== undefined) at.format('device', selector.device, isDNS1123Label);
  });
  at.within('taint', () => checkDeviceTaint(at, taint, old?.taint.effect));
  return at.all();
}
