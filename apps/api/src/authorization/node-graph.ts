import type { KubeObject } from '#apimachinery';
import { MIRROR_POD_ANNOTATION, podReferences } from '#kinds';
import { followCache } from '../storage/cache-follower.js';
import type { Store } from '../storage/store.js';

export type VertexKind =
  | 'pod'
  | 'secret'
  | 'configmap'
  | 'serviceaccount'
  | 'pvc'
  | 'pv'
  | 'resourceclaim'
  | 'volumeattachment'
  | 'resourceslice'
  | 'podcertificaterequest';

interface PersistentVolume {
  claim: string;
  secrets: string[];
}

/**
 * Which objects each node has to do with: pods that are bound to it, what those name, and on from claims to volumes and
 * the volumes' secrets. Direct edges are counted by node, so a question is a map look-up, however many pods share a secret.
 */
export class NodeGraph {
  /** Vertex to node to the number of things that lead from the one to the other. */
  private readonly nodesOf = new Map<string, Map<string, number>>();
  /** What each pod (or other source) contributed, to take it back. */
  private readonly contributions = new Map<string, { node: string; vertices: string[] }>();
  private readonly volumes = new Map<string, PersistentVolume>();
  /** Secret to the volumes that name it. */
  private readonly volumesOf = new Map<string, Set<string>>();

  /** True when the node may read the object. */
  reaches(node: string, kind: VertexKind, namespace: string, name: string): boolean {
    if (kind === 'pv') return this.reachesVolume(node, name);
    const vertex = vertexKey(kind, namespace, name);
    if (this.nodesOf.get(vertex)?.has(node)) return true;
    if (kind !== 'secret') return false;
    for (const volume of this.volumesOf.get(vertex) ?? []) if (this.reachesVolume(node, volume)) return true;
    return false;
  }

  private reachesVolume(node: string, name: string): boolean {
    const volume = this.volumes.get(name);
    return volume !== undefined && (this.nodesOf.get(volume.claim)?.has(node) ?? false);
  }

  setPod(pod: KubeObject): void {
    const { namespace = '', name = '' } = pod.metadata;
    const node: string = pod['spec']?.nodeName ?? '';
    const source = vertexKey('pod', namespace, name);
    if (node === '') {
      this.retract(source);
      return;
    }
    const vertices = [source];
    // A node can make mirror pods: they must never lead to anything.
    if (pod.metadata.annotations?.[MIRROR_POD_ANNOTATION] === undefined) {
      const references = podReferences(pod);
      const add = (kind: VertexKind, names: Iterable<string>) => {
        for (const item of names) vertices.push(vertexKey(kind, namespace, item));
      };
      if (references.serviceAccount) add('serviceaccount', [references.serviceAccount]);
      add('secret', references.secrets);
      add('configmap', references.configMaps);
      add('pvc', references.claims);
      add('resourceclaim', references.resourceClaims);
    }
    this.contribute(source, node, vertices);
  }

  removePod(namespace: string, name: string): void {
    this.retract(vertexKey('pod', namespace, name));
  }

  setVolume(volume: KubeObject): void {
    const name = volume.metadata.name ?? '';
    this.removeVolume(name);
    const claim = volume['spec']?.claimRef;
    if (!claim) return;
    const secrets = volumeSecrets(volume['spec'], claim.namespace ?? '').map(([namespace, secret]) =>
      vertexKey('secret', namespace, secret),
    );
    this.volumes.set(name, { claim: vertexKey('pvc', claim.namespace ?? '', claim.name ?? ''), secrets });
    for (const secret of secrets) {
      const volumes = this.volumesOf.get(secret) ?? new Set();
      this.volumesOf.set(secret, volumes.add(name));
    }
  }

  removeVolume(name: string): void {
    for (const secret of this.volumes.get(name)?.secrets ?? []) {
      const volumes = this.volumesOf.get(secret);
      volumes?.delete(name);
      if (volumes?.size === 0) this.volumesOf.delete(secret);
    }
    this.volumes.delete(name);
  }

  /** An object that itself says which node it belongs to. `node` '' takes it out. */
  setOwned(kind: VertexKind, namespace: string, name: string, node: string): void {
    const vertex = vertexKey(kind, namespace, name);
    if (node === '') this.retract(vertex);
    else this.contribute(vertex, node, [vertex]);
  }

  clear(kind: VertexKind): void {
    if (kind === 'pv') for (const name of [...this.volumes.keys()]) this.removeVolume(name);
    for (const source of [...this.contributions.keys()]) if (source.startsWith(`${kind}:`)) this.retract(source);
  }

  private contribute(source: string, node: string, vertices: string[]): void {
    const known = this.contributions.get(source);
    if (known?.node === node && known.vertices.length === vertices.length) {
      if (known.vertices.every((vertex, i) => vertex === vertices[i])) return;
    }
    this.retract(source);
    this.contributions.set(source, { node, vertices });
    for (const vertex of vertices) {
      let nodes = this.nodesOf.get(vertex);
      if (!nodes) this.nodesOf.set(vertex, (nodes = new Map()));
      nodes.set(node, (nodes.get(node) ?? 0) + 1);
    }
  }

  private retract(source: string): void {
    const known = this.contributions.get(source);
    if (!known) return;
    this.contributions.delete(source);
    for (const vertex of known.vertices) {
      const nodes = this.nodesOf.get(vertex);
      const count = (nodes?.get(known.node) ?? 0) - 1;
      if (count > 0) nodes?.set(known.node, count);
      else nodes?.delete(known.node);
      if (nodes?.size === 0) this.nodesOf.delete(vertex);
    }
  }
}

function vertexKey(kind: VertexKind, namespace: string, name: string): string {
  return `${kind}:${namespace}/${name}`;
}

/** Namespace and name of the secrets that a node needs to mount a volume; old volumes mean the claim's namespace. */
function volumeSecrets(spec: Record<string, any>, claimNamespace: string): [string, string][] {
  const found: [string, string][] = [];
  const add = (namespace: string | undefined, name: string | undefined) => {
    if (name) found.push([namespace || claimNamespace, name]);
  };
  add(spec['azureFile']?.secretNamespace, spec['azureFile']?.secretName);
  for (const source of ['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos']) {
    add(spec[source]?.secretRef?.namespace, spec[source]?.secretRef?.name);
  }
  for (const ref of ['nodePublishSecretRef', 'nodeStageSecretRef', 'nodeExpandSecretRef']) {
    add(spec['csi']?.[ref]?.namespace, spec['csi']?.[ref]?.name);
  }
  return found;
}

const OWNED: { resource: string; kind: VertexKind; node(object: KubeObject): string | undefined }[] = [
  {
    resource: 'storage.k8s.io/volumeattachments',
    kind: 'volumeattachment',
    node: (object) => object['spec']?.nodeName,
  },
  {
    resource: 'certificates.k8s.io/podcertificaterequests',
    kind: 'podcertificaterequest',
    node: (object) => object['spec']?.nodeName,
  },
  { resource: 'resource.k8s.io/resourceslices', kind: 'resourceslice', node: (object) => object['spec']?.nodeName },
];

/** A graph that follows the caches until the signal fires. */
export function nodeGraphOf(store: Pick<Store, 'cache'>, signal: AbortSignal): NodeGraph {
  const graph = new NodeGraph();
  followCache(
    store.cache('pods'),
    {
      replace: (pods) => {
        graph.clear('pod');
        for (const pod of pods) if (pod.field('spec.nodeName') !== '') graph.setPod(pod.parse());
      },
      upsert: (pod) => {
        if (pod.field('spec.nodeName') !== '') graph.setPod(pod.parse());
      },
      remove: (pod) => graph.removePod(pod.namespace, pod.name),
    },
    signal,
  );
  followCache(
    store.cache('persistentvolumes'),
    {
      replace: (volumes) => {
        graph.clear('pv');
        for (const volume of volumes) graph.setVolume(volume.parse());
      },
      upsert: (volume) => graph.setVolume(volume.parse()),
      remove: (volume) => graph.removeVolume(volume.name),
    },
    signal,
  );
  for (const { resource, kind, node } of OWNED) {
    followCache(
      store.cache(resource),
      {
        replace: (objects) => {
          graph.clear(kind);
          for (const object of objects) graph.setOwned(kind, object.namespace, object.name, node(object.parse()) ?? '');
        },
        upsert: (object) => graph.setOwned(kind, object.namespace, object.name, node(object.parse()) ?? ''),
        remove: (object) => graph.setOwned(kind, object.namespace, object.name, ''),
      },
      signal,
    );
  }
  return graph;
}
