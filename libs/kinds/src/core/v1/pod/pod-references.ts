import type { KubeObject } from '#apimachinery';
import { bare, ownValue } from '#apimachinery';
import { firstByName } from '../../../validation/fields.js';

/** The objects of its own namespace that a pod's spec names: what the node that runs it must be able to read. */
export interface PodReferences {
  serviceAccount: string;
  secrets: Set<string>;
  configMaps: Set<string>;
  claims: Set<string>;
  resourceClaims: Set<string>;
}

export const MIRROR_POD_ANNOTATION = 'kubernetes.io/config.mirror';

/** Volume sources with a secretRef in the pod's namespace. */
const SECRET_REF_SOURCES = ['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'];

function podContainers(pod: KubeObject): any[] {
  const spec = pod['spec'] ?? {};
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

export function podReferences(pod: KubeObject): PodReferences {
  const spec = pod['spec'] ?? {};
  const secrets = new Set<string>();
  const configMaps = new Set<string>();
  const claims = new Set<string>();
  const add = (set: Set<string>, name: unknown) => {
    if (typeof name === 'string' && name !== '') set.add(name);
  };

  for (const secret of spec.imagePullSecrets ?? []) add(secrets, secret.name);
  for (const container of podContainers(pod)) {
    for (const env of container.env ?? []) {
      add(secrets, env.valueFrom?.secretKeyRef?.name);
      add(configMaps, env.valueFrom?.configMapKeyRef?.name);
    }
    for (const source of container.envFrom ?? []) {
      add(secrets, source.secretRef?.name);
      add(configMaps, source.configMapRef?.name);
    }
  }
  for (const volume of spec.volumes ?? []) {
    add(secrets, volume.secret?.secretName);
    add(secrets, volume.azureFile?.secretName);
    add(secrets, volume.csi?.nodePublishSecretRef?.name);
    for (const source of SECRET_REF_SOURCES) add(secrets, volume[source]?.secretRef?.name);
    add(configMaps, volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) {
      add(secrets, source.secret?.name);
      add(configMaps, source.configMap?.name);
    }
    add(claims, volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral) add(claims, `${pod.metadata.name}-${volume.name}`);
  }
  return {
    serviceAccount: spec.serviceAccountName ?? '',
    secrets,
    configMaps,
    claims,
    resourceClaims: resourceClaimsOf(pod),
  };
}

/** Claims made from a template are named in the status, where their controller put them. */
function resourceClaimsOf(pod: KubeObject): Set<string> {
  const names = new Set<string>();
  const statuses = firstByName<{ name: string; resourceClaimName?: string }>(
    pod['status']?.resourceClaimStatuses ?? [],
  );
  for (const claim of pod['spec']?.resourceClaims ?? []) {
    const name = claim.resourceClaimName ?? statuses.get(claim.name)?.resourceClaimName;
    if (name) names.add(name);
  }
  const extended = pod['status']?.extendedResourceClaimStatus?.resourceClaimName;
  if (extended) names.add(extended);
  return names;
}

const VOLUMES_WITHOUT_API = new Set([
  'awsElasticBlockStore',
  'azureDisk',
  'cephfs',
  'cinder',
  'downwardAPI',
  'emptyDir',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'hostPath',
  'image',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
]);

const VOLUMES_WITH_API = bare<string>({
  configMap: 'configmaps (via configmap volumes)',
  secret: 'secrets (via secret volumes)',
  csi: 'csidrivers (via CSI volumes)',
  glusterfs: 'endpoints (via glusterFS volumes)',
  persistentVolumeClaim: 'persistentvolumeclaims',
  ephemeral: 'persistentvolumeclaims (via ephemeral volumes)',
  azureFile: 'secrets (via azureFile volumes)',
});

const PROJECTIONS_WITH_API: Record<string, string> = {
  configMap: 'configmaps (via projected volumes)',
  secret: 'secrets (via projected volumes)',
  serviceAccountToken: 'serviceaccounts (via projected volumes)',
  clusterTrustBundle: 'clustertrustbundles',
  podCertificate: 'podcertificates',
};

/** Which kind of API object a pod needs, in upstream's words; undefined when none. A mirror pod may need none. */
export function apiObjectReference(pod: KubeObject): string | undefined {
  const references = podReferences(pod);
  if (references.serviceAccount !== '') return 'serviceaccounts';
  if (references.secrets.size > 0) return 'secrets';
  if (references.configMaps.size > 0) return 'configmaps';
  if (pod['spec']?.resourceClaims?.length > 0) return 'resourceclaims';
  for (const volume of pod['spec']?.volumes ?? []) {
    const source = Object.keys(volume).find((key) => key !== 'name' && volume[key] != null);
    if (source === undefined || VOLUMES_WITHOUT_API.has(source)) continue;
    if (source !== 'projected') return VOLUMES_WITH_API[source] ?? `unknown volume type for volume ${volume.name}`;
    for (const projection of volume.projected.sources ?? []) {
      for (const [key, text] of Object.entries(PROJECTIONS_WITH_API))
        if (ownValue(projection, key) != null) return text;
    }
  }
  return undefined;
}
