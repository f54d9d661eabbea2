import { age, conditionOf, nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { pathSegmentName } from '../../../meta/names.js';
import { apiServiceStrategy } from './api-service.strategy.js';
import { apiServiceValidator } from './api-service.validation.js';

const cells: Cells = (service, now) => {
  const target = service.spec?.service;
  const condition = conditionOf(service, 'Available');
  let available = condition?.status ?? 'Unknown';
  if (condition !== undefined && available !== 'True' && condition.reason) available += ` (${condition.reason})`;
  const where = target === undefined ? 'Local' : `${target.namespace}/${target.name}`;
  return [nameOf(service), where, available, age(service, now)];
};

export const apiServiceKind: KindModule = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  strategy: apiServiceStrategy,
  validator: apiServiceValidator,
  cells,
  nameFormat: pathSegmentName,
  statusEndpointWrites: 'status',
};
