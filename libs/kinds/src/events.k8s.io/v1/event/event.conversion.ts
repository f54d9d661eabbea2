import type { KubeObject } from '#apimachinery';
import { setOwn } from '#apimachinery';

/**
 * events.k8s.io/v1 Event over the stored core/v1 Event. The pairs are those of upstream's conversion; what only the core
 * form has travels in the `deprecated*` fields.
 */

const renamed: readonly [events: string, core: string][] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];
const toCore = new Map(renamed);
const toEvents = new Map(renamed.map(([events, core]) => [core, events]));
/** Fields that core writes even when empty, and events.k8s.io does not. */
const emptyInCore = ['reportingComponent', 'reportingInstance'];

export function eventToStorage(event: KubeObject): KubeObject {
  const core = rename(event, 'v1', toCore);
  for (const name of emptyInCore) core[name] ??= '';
  return core;
}

export function eventFromStorage(core: KubeObject): KubeObject {
  const event = rename(core, 'events.k8s.io/v1', toEvents);
  for (const name of ['reportingController', 'reportingInstance']) if (event[name] === '') delete event[name];
  return event;
}

function rename(from: KubeObject, apiVersion: string, names: ReadonlyMap<string, string>): KubeObject {
  const to: KubeObject = { apiVersion, kind: 'Event', metadata: from.metadata };
  for (const key in from) {
    if (key !== 'apiVersion' && key !== 'kind' && key !== 'metadata') setOwn(to, names.get(key) ?? key, from[key]);
  }
  return to;
}
