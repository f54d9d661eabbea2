import { randomUUID } from 'node:crypto';
import type { CacheEvent, ObjectKey, Store, Write } from '../store.js';

/** Builders for what the store's tests write. */
export function podKey(name: string, namespace = 'default'): ObjectKey {
  return { resource: 'pods', namespace, name };
}

export interface PodContent {
  uid?: string;
  labels?: Record<string, string>;
  value?: unknown;
  nodeName?: string;
}

export function podBody(key: ObjectKey, content: PodContent = {}): Buffer {
  const { uid = 'uid', labels, value = 0, nodeName = '' } = content;
  return Buffer.from(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: key.name, namespace: key.namespace, uid, labels },
      spec: { nodeName },
      value,
    }),
  );
}

export function creation(name: string, content: PodContent = {}, namespace = 'default'): Write {
  const key = podKey(name, namespace);
  const uid = content.uid ?? randomUUID();
  return { op: 'create', key, uid, body: podBody(key, { ...content, uid }) };
}

/** An update of what a store's cache has. */
export function update(store: Store, name: string, content: PodContent = {}, namespace = 'default'): Write {
  const key = podKey(name, namespace);
  const { uid, revision } = present(store, key);
  return { op: 'update', key, uid, body: podBody(key, { ...content, uid }), ifRevision: revision };
}

export function deletion(store: Store, name: string, namespace = 'default'): Write {
  const key = podKey(name, namespace);
  const { uid, revision } = present(store, key);
  return { op: 'delete', key, uid, body: podBody(key, { uid }), ifRevision: revision };
}

function present(store: Store, key: ObjectKey): { uid: string; revision: number } {
  const object = store.cache(key.resource).get(key.namespace, key.name);
  if (!object) throw new Error(`no ${key.name}`);
  return object;
}

export async function write(store: Store, ...writes: Write[]): Promise<number> {
  const result = await store.commit({ writes });
  if (!result.ok) throw new Error(`${result.failure.reason} ${result.failure.key.name}`);
  return result.revision;
}

/** What a watch says: one line an event. */
export function told(events: CacheEvent[]): string[] {
  return events.map((event) => `${event.revision} ${event.type} ${event.object.name}`);
}

/** Reads a watch up to a revision. */
export async function eventsAfter(store: Store, from: number, to: number): Promise<CacheEvent[]> {
  const watch = store.cache('pods').watch({ from });
  if (!watch) throw new Error(`${from} is compacted`);
  const events: CacheEvent[] = [];
  while (events.length === 0 || events[events.length - 1]!.revision < to) {
    const more = await watch.next();
    if (!more) throw new Error('the watch expired');
    events.push(...more);
  }
  watch.stop();
  return events;
}

export const podFields = (_resource: string, object: any, label: string): string =>
  label === 'spec.nodeName' ? (object.spec?.nodeName ?? '') : '';
