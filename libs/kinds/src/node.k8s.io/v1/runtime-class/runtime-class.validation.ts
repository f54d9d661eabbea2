import { isDNS1123Label } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkOverhead } from '../../../core/v1/pod/pod-resources.validation.js';
import { checkLabels, checkTolerations } from '../../../core/v1/pod/pod-scheduling.validation.js';
import { strict } from '../../../core/v1/pod/pod-validation-context.js';
import type { RuntimeClass, Scheduling } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';

export const runtimeClassValidator: KindValidator = {
  rules: [
    'handler is a DNS label',
    'overhead: amounts of what a container may ask for',
    'scheduling: labels and tolerations are well-formed, tolerations are unique',
    'immutable: handler',
  ],
  validateCreate(item: RuntimeClass) {
    const at = new FieldCursor();
    at.declared(() => checkHandler(at, item));
    check(at, item);
    return at.all();
  },
  validateUpdate(item: RuntimeClass, old: RuntimeClass) {
    const at = new FieldCursor();
    at.declaredImmutable('handler', item.handler, old.handler);
    if (!item.handler) at.declared(() => at.required('handler'));
    check(at, item);
    return at.all();
  },
};

function checkHandler(at: FieldCursor, { handler }: RuntimeClass): void {
  if (handler) at.format('handler', handler, isDNS1123Label);
  else at.required('handler');
}

function check(at: FieldCursor, { overhead, scheduling }: RuntimeClass): void {
  if (overhead !== undefined) checkOverhead(at, overhead.podFixed ?? {}, strict);
  if (scheduling !== undefined) at.within('scheduling', () => checkScheduling(at, scheduling));
}

function checkScheduling(at: FieldCursor, { nodeSelector, tolerations }: Scheduling): void {
  checkLabels(at, 'nodeSelector', nodeSelector);
  checkTolerations(at, tolerations);
  const seen = new Set<string>();
  at.each('tolerations', tolerations, (toleration) => {
    const { key, operator, value, effect } = toleration;
    const identity = JSON.stringify([key ?? '', operator ?? '', value ?? '', effect ?? '']);
    if (seen.has(identity)) {
      const shown = { key: '', operator: '', value: '', effect: '', ...toleration };
      at.duplicate('', goStruct('Key Operator Value Effect TolerationSeconds', shown));
    }
    seen.add(identity);
  });
}
