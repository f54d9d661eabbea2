import assert from 'node:assert/strict';
import { conflict, type KubeObject, notFound, type WatchEvent } from '#apimachinery';
import type { Client } from '#client';

type Watcher = (event: WatchEvent) => void;

/** The parts of the API that the scheduler uses, in memory. */
export class MemoryApi {
  readonly objects = new Map<string, KubeObject>();
  readonly events: KubeObject[] = [];
  private readonly watchers = new Set<{ resource: string; notify: Watcher }>();
  private revision = 1;
  /** Called before a binding is written. */
  onBinding: (name: string, node: string) => void = () => {};

  put(resource: string, object: any): void {
    const key = `${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    const type = this.objects.has(key) ? 'MODIFIED' : 'ADDED';
    const metadata = { ...object.metadata, resourceVersion: String(++this.revision) };
    metadata.uid ??= `uid-${this.revision}`;
    const stored = { ...object, metadata };
    this.objects.set(key, stored);
    this.notify(resource, { type, object: stored });
  }

  remove(resource: string, namespace: string, name: string): void {
    const key = `${resource}/${namespace}/${name}`;
    const object = this.objects.get(key)!;
    this.objects.delete(key);
    const metadata = { ...object.metadata, resourceVersion: String(++this.revision) };
    this.notify(resource, { type: 'DELETED', object: { ...object, metadata } });
  }

  pod(name: string): any {
    return this.objects.get(`pods/default/${name}`);
  }

  private notify(resource: string, event: WatchEvent): void {
    for (const watcher of this.watchers) if (watcher.resource === resource) watcher.notify(event);
  }

  private async *watch(resource: string, since: number, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const queue: WatchEvent[] = [];
    for (const [key, object] of this.objects) {
      const newer = Number(object.metadata.resourceVersion) > since;
      if (key.startsWith(`${resource}/`) && newer) queue.push({ type: 'ADDED', object });
    }
    let wake = () => {};
    const notify = (event: WatchEvent) => {
      queue.push(event);
      wake();
    };
    const watcher = { resource, notify };
    this.watchers.add(watcher);
    signal.addEventListener('abort', () => wake(), { once: true });
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.watchers.delete(watcher);
    }
  }

  readonly client = {
    list: async ({ resource }: { resource: string }) => ({
      apiVersion: 'v1',
      kind: 'List',
      metadata: { resourceVersion: String(this.revision) },
      items: [...this.objects].filter(([key]) => key.startsWith(`${resource}/`)).map(([, object]) => object),
    }),
    watch: ({ resource }: { resource: string }, options: any) =>
      this.watch(resource, Number(options.resourceVersion), options.signal),
    create: async ({ resource }: { resource: string }, namespace: string, object: any, options: any = {}) => {
      if (resource === 'events') {
        this.events.push(object);
        return object;
      }
      assert.equal(options.subresource, 'binding');
      await new Promise((resolve) => setImmediate(resolve));
      this.onBinding(options.name, object.target.name);
      const pod = this.pod(options.name);
      if (!pod) throw notFound({ group: '', resource: 'pods' }, options.name);
      if (pod.spec.nodeName) throw conflict({ group: '', resource: 'pods/binding' }, options.name, 'already assigned');
      assert.deepEqual(
        { namespace, uid: object.metadata.uid, kind: object.target.kind },
        { namespace: 'default', uid: pod.metadata.uid, kind: 'Node' },
      );
      this.put('pods', { ...pod, spec: { ...pod.spec, nodeName: object.target.name } });
      return object;
    },
    patch: async (gvr: any, _namespace: string, name: string, type: string, patch: any, options: any = {}) => {
      if (gvr.resource === 'events') return;
      assert.deepEqual([type, options.subresource], ['application/strategic-merge-patch+json', 'status']);
      const pod = this.pod(name);
      assert.equal(patch.metadata.uid, pod.metadata.uid);
      this.put('pods', { ...pod, status: { ...pod.status, ...patch.status } });
    },
    update: async ({ resource }: { resource: string }, namespace: string, object: any) => {
      const stored = this.objects.get(`${resource}/${namespace}/${object.metadata.name}`);
      if (!stored) throw notFound({ group: '', resource }, object.metadata.name);
      if (stored.metadata.resourceVersion !== object.metadata.resourceVersion) {
        throw conflict({ group: '', resource }, object.metadata.name, 'it has changed');
      }
      this.put(resource, object);
      return this.objects.get(`${resource}/${namespace}/${object.metadata.name}`);
    },
    delete: async ({ resource }: { resource: string }, namespace: string, name: string, options: any) => {
      assert.equal(options.preconditions.uid, this.pod(name).metadata.uid);
      this.remove(resource, namespace, name);
    },
  } as unknown as Client;
}

export function node(name: string, changes: { cpu?: string; pods?: string; taints?: object[]; labels?: object } = {}) {
  const { cpu = '4', pods = '110', taints, labels } = changes;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: { taints },
    status: { allocatable: { cpu, memory: '8Gi', pods } },
  };
}

export function pod(name: string, cpu = '1', spec: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', generation: 1 },
    spec: {
      schedulerName: 'default-scheduler',
      containers: [{ name: 'main', image: 'x', resources: { requests: { cpu } } }],
      ...spec,
    },
    status: { phase: 'Pending' },
  };
}

export async function eventually(what: string, check: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (check()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`did not happen: ${what}`);
}
