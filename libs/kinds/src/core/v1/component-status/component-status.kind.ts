import { nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';

const cells: Cells = (object) => {
  const condition = (object.conditions ?? []).find(({ type }: { type: string }) => type === 'Healthy');
  const word = condition?.status === 'True' ? 'Healthy' : condition?.status === 'False' ? 'Unhealthy' : 'Unknown';
  return [nameOf(object), word, condition?.message ?? '', condition?.error ?? ''];
};

export const componentStatusKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  cells,
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
};
