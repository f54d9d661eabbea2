import { nameOf, since } from '../../../columns/cells.js';
import type { Cells } from '../../../contract/kind-module.js';

/** Rows of core/v1 events; the other group's are converted before. */
export const eventCells: Cells = (event, now) => {
  const first = since(event.firstTimestamp ?? event.eventTime, now);
  const last = event.lastTimestamp ? since(event.lastTimestamp, now) : first;
  const { kind = '', name, fieldPath = '' } = event.involvedObject ?? {};
  const component = event.source?.component || event.reportingComponent || '';
  const host = event.source?.host || event.reportingInstance || '';
  return [
    event.series === undefined ? last : since(event.series.lastObservedTime, now),
    event.type ?? '',
    event.reason ?? '',
    name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase(),
    fieldPath,
    host === '' ? component : `${component}, ${host}`,
    (event.message ?? '').trim(),
    first,
    event.series?.count ?? (event.count || 1),
    nameOf(event),
  ];
};
