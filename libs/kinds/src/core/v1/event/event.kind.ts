import type { KindModule } from '../../../contract/kind-module.js';
import { anyName } from '../../../meta/names.js';
import { eventCells } from './event.columns.js';
import { eventValidator } from './event.validation.js';

export const eventKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'Event',
  validator: eventValidator,
  cells: eventCells,
  fieldLabels: {
    source: (event) => event.source?.component || event.reportingComponent,
    reportingComponent: (event) => event.reportingComponent,
  },
  nameFormat: anyName,
  deletion: { uncollected: true },
};
