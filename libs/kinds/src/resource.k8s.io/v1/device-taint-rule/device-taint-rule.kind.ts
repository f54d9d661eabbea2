import { age, nameOf, since } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { deviceTaintRuleValidator } from './device-taint-rule.validation.js';

const cells: Cells = (rule, now) => {
  const taint = rule.spec?.taint ?? {};
  const added = taint.timeAdded ? since(taint.timeAdded, now) : '';
  return [nameOf(rule), taint.key ?? '', taint.value ?? '', taint.effect ?? '', added, age(rule, now)];
};

export const deviceTaintRuleKind: KindModule = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceTaintRule',
  validator: deviceTaintRuleValidator,
  cells,
  statusEndpointWrites: 'status',
};
