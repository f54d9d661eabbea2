import { type KubeObject, parseGroupVersion } from '#apimachinery';
import type { ResourceCatalog } from '#kinds';
import type { Store } from '../../storage/store.js';
import type { ScaleOfPod } from './disruption-budget.js';

const DEPLOYMENTS = 'apps/deployments';
const REPLICA_SETS = 'apps/replicasets';

/**
 * How many pods the controller of a pod wants: of the Deployment above a ReplicaSet, else of whatever controller has a
 * scale. The errors are those of the reference's disruption controller.
 */
export function scaleOfController(store: Store, catalog: ResourceCatalog): ScaleOfPod {
  const find = (resource: string, namespace: string, owner: Owner): KubeObject | undefined => {
    const found = store.cache(resource).get(namespace, owner.name)?.parse() as KubeObject | undefined;
    return found?.metadata.uid === owner.uid ? found : undefined;
  };
  return (pod) => {
    const owner = controllerOf(pod);
    if (owner === undefined) return undefined;
    const namespace = pod.metadata.namespace ?? '';
    const of = parseGroupVersion(owner.apiVersion);
    const definition = of && catalog.findKind(of.group, of.version, owner.kind);
    if (definition === undefined)
      throw new Error(`no matches for kind "${owner.kind}" in version "${owner.apiVersion}"`);
    const controller = find(definition.storageResource, namespace, owner);
    if (controller === undefined) throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
    if (definition.storageResource === REPLICA_SETS) {
      const above = controllerOf(controller);
      const deployment = above?.kind === 'Deployment' ? find(DEPLOYMENTS, namespace, above) : undefined;
      if (deployment !== undefined) return scaleOf(deployment);
    }
    if (!definition.subresources.some(({ name }) => name === 'scale')) {
      const resource = definition.group === '' ? definition.plural : `${definition.plural}.${definition.group}`;
      throw new Error(`${resource} does not implement the scale subresource`);
    }
    return scaleOf(controller);
  };
}

type Owner = NonNullable<KubeObject['metadata']['ownerReferences']>[number];

function controllerOf({ metadata }: KubeObject): Owner | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

function scaleOf({ metadata, spec }: KubeObject): { uid: string; replicas: number } {
  return { uid: metadata.uid!, replicas: spec?.replicas ?? 1 };
}
