import type { KindModule } from '../../../contract/kind-module.js';
import { endpointSliceCells } from './endpoint-slice.columns.js';
import { endpointSliceStrategy } from './endpoint-slice.strategy.js';
import { endpointSliceValidator } from './endpoint-slice.validation.js';

export const endpointSliceKind: KindModule = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  strategy: endpointSliceStrategy,
  validator: endpointSliceValidator,
  cells: endpointSliceCells,
};
