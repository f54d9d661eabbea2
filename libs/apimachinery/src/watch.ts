import type { KubeObject, WatchEventType } from './meta.js';

/** Marks the bookmark that ends the initial events of a watch with sendInitialEvents. */
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** The object of a bookmark: nothing but its kind and revision. */
export function bookmarkObject(
  apiVersion: string,
  kind: string,
  resourceVersion: string,
  endsInitialEvents = false,
): KubeObject {
  const metadata: KubeObject['metadata'] = { resourceVersion };
  if (endsInitialEvents) metadata.annotations = { [INITIAL_EVENTS_END]: 'true' };
  return { kind, apiVersion, metadata };
}

export function endsInitialEvents(object: KubeObject): boolean {
  return object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true';
}

/** One line of a watch stream, newline included. */
export function watchLine(type: WatchEventType, object: object): string {
  return `{"type":"${type}","object":${JSON.stringify(object)}}\n`;
}
