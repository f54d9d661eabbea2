import type { KindModule } from '../../../contract/kind-module.js';
import { serviceCells } from './service.columns.js';
import { serviceDefaults } from './service.defaults.js';
import { serviceStrategy } from './service.strategy.js';
import { serviceValidator } from './service.validation.js';

export const serviceKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'Service',
  strategy: serviceStrategy,
  validator: serviceValidator,
  defaults: serviceDefaults,
  cells: serviceCells,
  deletion: { returnsObject: true },
};
