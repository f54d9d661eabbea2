import { convertEach } from '../../../contract/conversion.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { eventCells } from '../../../core/v1/event/event.columns.js';
import { eventFromStorage, eventToStorage } from './event.conversion.js';
import { eventValidator } from './event.validation.js';

/** The newer view of the events that are stored as core/v1. */
export const eventKind: KindModule = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  validator: eventValidator,
  cells: (event, now) => eventCells(eventToStorage(event), now),
  deletion: { uncollected: true },
  stored: { group: '', version: 'v1', conversion: convertEach(eventToStorage, eventFromStorage) },
};
