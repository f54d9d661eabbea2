import { formatGroupVersion, isNotFound, type KubeObject, type OwnerReference, parseGroupVersion } from '#apimachinery';
import type { Informer } from '#client';
import {
  type Deployment,
  gvr,
  type ReplicaSet,
  type ReplicationController,
  type Scale,
  type StatefulSet,
} from '#kinds';
import type { ControllerRuntime } from '../context.js';
import { controllerOf } from './controller-ref.js';

export interface OwnerScale {
  uid: string;
  replicas: number;
}

type Replicated = KubeObject & { spec?: { replicas?: number } };

/**
 * How many pods the controller of a pod wants: the Deployment above a ReplicaSet, another workload by its informer, and whatever
 * else has a scale by asking for that.
 */
export class OwnerScales {
  private readonly controllers: Informer<ReplicationController>;
  private readonly sets: Informer<ReplicaSet>;
  private readonly deployments: Informer<Deployment>;
  private readonly statefulSets: Informer<StatefulSet>;

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers } = runtime;
    this.controllers = informers.for<ReplicationController>(gvr.replicationcontrollers);
    this.sets = informers.for<ReplicaSet>(gvr.replicasets);
    this.deployments = informers.for<Deployment>(gvr.deployments);
    this.statefulSets = informers.for<StatefulSet>(gvr.statefulsets);
  }

  /** Resolves with undefined when the owner is gone. Rejects for a kind that has no scale. */
  async of(owner: OwnerReference, namespace: string): Promise<OwnerScale | undefined> {
    return this.known(owner, namespace) ?? this.asked(owner, namespace);
  }

  private known(owner: OwnerReference, namespace: string): OwnerScale | undefined {
    const group = parseGroupVersion(owner.apiVersion)?.group;
    if (owner.kind === 'ReplicationController' && group === '') return found(this.controllers, owner, namespace);
    if (owner.kind === 'StatefulSet' && group === 'apps') return found(this.statefulSets, owner, namespace);
    if (owner.kind !== 'ReplicaSet' || (group !== 'apps' && group !== 'extensions')) return undefined;
    const set = this.sets.get(namespace, owner.name);
    if (set?.metadata.uid !== owner.uid) return undefined;
    const above = controllerOf(set!);
    if (above?.kind === 'Deployment') return found(this.deployments, above, namespace);
    return scaleOf(set!);
  }

  private async asked(owner: OwnerReference, namespace: string): Promise<OwnerScale | undefined> {
    const { resources, client } = this.runtime;
    const parsed = parseGroupVersion(owner.apiVersion);
    if (!parsed) throw new Error(`unexpected GroupVersion string: ${owner.apiVersion}`);
    const definition = resources.findKind(parsed.group, parsed.version, owner.kind);
    if (!definition) {
      const version = formatGroupVersion(parsed.group, parsed.version);
      throw new Error(`no matches for kind "${owner.kind}" in version "${version}"`);
    }
    const { group, version, plural } = definition;
    if (!definition.subresources.some(({ name }) => name === 'scale')) {
      throw new Error(`${group === '' ? plural : `${plural}.${group}`} does not implement the scale subresource`);
    }
    try {
      const scale = await client.get<Scale & KubeObject>(
        { group, version, resource: plural },
        namespace,
        owner.name,
        'scale',
      );
      if (scale.metadata.uid !== owner.uid) return undefined;
      return { uid: owner.uid, replicas: scale.spec?.replicas ?? 0 };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function found<T extends Replicated>(
  informer: Informer<T>,
  owner: OwnerReference,
  namespace: string,
): OwnerScale | undefined {
  const object = informer.get(namespace, owner.name);
  return object?.metadata.uid === owner.uid ? scaleOf(object!) : undefined;
}

function scaleOf({ metadata, spec }: Replicated): OwnerScale {
  return { uid: metadata.uid!, replicas: spec?.replicas ?? 1 };
}
