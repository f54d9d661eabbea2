import { isNotFound, type KubeObject } from '#apimachinery';
import { type Client, Informer, type Logger, realClock } from '#client';
import { podReferences } from '#kinds';
import type { ConfigSource } from '../pod/config-source.js';
import type { Pod } from '../pod/pod.js';

type Kind = 'configmaps' | 'secrets';

interface Entry {
  /** Pods that refer to the object. */
  users: Set<string>;
  informer: Informer;
  stop: AbortController;
}

/**
 * ConfigMaps and Secrets that pods of this node refer to, one watch each: the node may read those alone, by name. An
 * object is read at once when a pod needs it and followed as long as one refers to it.
 */
export class ConfigObjects implements ConfigSource {
  private readonly entries = new Map<string, Entry>();
  private readonly byPod = new Map<string, Set<string>>();

  constructor(
    private readonly client: Client,
    private readonly logger: Logger,
    /** An object that the pod refers to has changed. */
    private readonly onChange: (uid: string) => void,
  ) {}

  configMap(namespace: string, name: string): Promise<KubeObject | undefined> {
    return this.read('configmaps', namespace, name);
  }

  secret(namespace: string, name: string): Promise<KubeObject | undefined> {
    return this.read('secrets', namespace, name);
  }

  /** Starts to follow what the pod refers to, and lets go what it no longer does. */
  register(pod: Pod): void {
    const { uid } = pod.metadata;
    const wanted = new Set(references(pod));
    for (const key of this.byPod.get(uid) ?? []) if (!wanted.has(key)) this.release(key, uid);
    this.byPod.set(uid, wanted);
    for (const key of wanted) this.acquire(key).users.add(uid);
  }

  unregister(uid: string): void {
    for (const key of this.byPod.get(uid) ?? []) this.release(key, uid);
    this.byPod.delete(uid);
  }

  close(): void {
    for (const entry of this.entries.values()) entry.stop.abort();
    this.entries.clear();
  }

  private async read(kind: Kind, namespace: string, name: string): Promise<KubeObject | undefined> {
    const entry = this.entries.get(`${kind}/${namespace}/${name}`);
    if (entry?.informer.hasSynced) {
      const object = entry.informer.get(namespace, name);
      if (object) return object;
    }
    // What a watch has not seen may have been made a moment ago.
    return this.get(kind, namespace, name);
  }

  private async get(kind: Kind, namespace: string, name: string): Promise<KubeObject | undefined> {
    try {
      return await this.client.get({ group: '', version: 'v1', resource: kind }, namespace, name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  private acquire(key: string): Entry {
    const known = this.entries.get(key);
    if (known) return known;
    const [kind, namespace, name] = key.split('/') as [Kind, string, string];
    const stop = new AbortController();
    const informer = new Informer(
      { group: '', version: 'v1', resource: kind },
      { client: this.client, clock: realClock, random: Math.random, logger: this.logger },
      { namespace, fieldSelector: `metadata.name=${name}` },
    );
    const entry: Entry = { users: new Set(), informer, stop };
    const notify = () => {
      for (const uid of entry.users) this.onChange(uid);
    };
    informer.addHandler({ add: notify, update: notify, delete: notify });
    this.entries.set(key, entry);
    void informer.run(stop.signal);
    return entry;
  }

  private release(key: string, uid: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    entry.users.delete(uid);
    if (entry.users.size > 0) return;
    entry.stop.abort();
    this.entries.delete(key);
  }
}

/** `kind/namespace/name` of all that the pod's spec names. */
function references(pod: Pod): string[] {
  const { configMaps, secrets } = podReferences(pod);
  const { namespace } = pod.metadata;
  return [
    ...[...configMaps].map((name) => `configmaps/${namespace}/${name}`),
    ...[...secrets].map((name) => `secrets/${namespace}/${name}`),
  ];
}
