import { allContainers, type Container, type Pod } from './pod-types.js';

/** Something that a pod may ask for and this node gives to nobody. */
interface MissingFeature {
  /** The name that pods are refused with: that of upstream's feature. */
  name: string;
  /** Fields that ask for it, as `Type.field`: what `field-support.ts` calls refused. */
  fields: readonly string[];
  isAsked(pod: Pod): boolean;
}

type Fields = Record<string, any>;

const inContainers = (asks: (container: Container) => boolean | undefined) => (pod: Pod) =>
  [...allContainers(pod)].some(({ container }) => asks(container) === true);

const inHandlers = (asks: (handler: Fields) => boolean) =>
  inContainers(({ livenessProbe, readinessProbe, startupProbe, lifecycle }) =>
    [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].some(
      (handler) => handler !== undefined && asks(handler),
    ),
  );

/** Volume sources that write files: their own parts name who owns each. */
const FILE_SOURCES = ['configMap', 'secret', 'downwardAPI', 'projected'];

const FEATURES: readonly MissingFeature[] = [
  {
    name: 'DynamicResourceAllocation',
    fields: ['PodSpec.resourceClaims', 'ResourceRequirements.claims'],
    isAsked: (pod) =>
      isListed(pod.spec['resourceClaims']) ||
      isListed((pod.spec.resources as Fields)?.['claims']) ||
      inContainers(({ resources }) => isListed((resources as Fields)?.['claims']))(pod),
  },
  {
    name: 'BlockVolume',
    fields: ['Container.volumeDevices', 'EphemeralContainer.volumeDevices'],
    isAsked: inContainers(({ volumeDevices }) => isListed(volumeDevices)),
  },
  {
    name: 'EnvFiles',
    fields: ['EnvVarSource.fileKeyRef'],
    isAsked: inContainers(({ env }) => env?.some(({ valueFrom }) => valueFrom?.fileKeyRef)),
  },
  {
    name: 'RestartAllContainersOnContainerExits',
    fields: ['ContainerRestartRule.action'],
    isAsked: inContainers(({ restartPolicyRules }) => restartPolicyRules?.some(({ action }) => action !== 'Restart')),
  },
  {
    name: 'VolumeBindMountOptions',
    fields: ['VolumeMount.bindMountOptions'],
    isAsked: inContainers(({ volumeMounts }) =>
      volumeMounts?.some((mount) => isListed((mount as Fields)['bindMountOptions'])),
    ),
  },
  {
    name: 'H2CContainerProbe',
    fields: ['HTTPGetAction.protocol'],
    isAsked: inHandlers(({ httpGet }) => (httpGet?.protocol ?? 'HTTP1') !== 'HTTP1'),
  },
  {
    name: 'GRPCContainerProbeTLS',
    fields: ['GRPCAction.mode'],
    isAsked: inHandlers(({ grpc }) => (grpc?.mode ?? 'Plaintext') !== 'Plaintext'),
  },
  {
    name: 'EmptyDirVolumeMode',
    fields: ['EmptyDirVolumeSource.mode'],
    isAsked: ({ spec }) => (spec.volumes ?? []).some(({ emptyDir }) => emptyDir?.mode !== undefined),
  },
  {
    name: 'AtomicWriteVolumeUserFields',
    fields: [
      'ConfigMapVolumeSource.defaultUser',
      'DownwardAPIVolumeSource.defaultUser',
      'ProjectedVolumeSource.defaultUser',
      'SecretVolumeSource.defaultUser',
      'DownwardAPIVolumeFile.user',
      'KeyToPath.user',
      'ServiceAccountTokenProjection.user',
    ],
    isAsked: ({ spec }) =>
      (spec.volumes ?? []).some((volume) => FILE_SOURCES.some((source) => namesUser(volume[source]))),
  },
  {
    // A part of PodSpec.resources, of which the rest is given.
    name: 'PodLevelHugePages',
    fields: [],
    isAsked: ({ spec }) =>
      [spec.resources?.limits, spec.resources?.requests].some((list) =>
        Object.keys(list ?? {}).some((name) => name.startsWith('hugepages-')),
      ),
  },
];

/** The fields that ask for what no pod gets here. */
export const REFUSED_FIELDS: readonly string[] = FEATURES.flatMap(({ fields }) => fields);

/** Pure: what the pod asks for and this node gives to nobody; a pod that ran without would do something else than it says. */
export function missingFeatures(pod: Pod): string[] {
  return FEATURES.filter(({ isAsked }) => isAsked(pod)).map(({ name }) => name);
}

export function missingMessage(features: readonly string[]): string {
  return `Pod requires node features that are not available: ${features.join(', ')}`;
}

function isListed(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function namesUser(source: Fields | undefined): boolean {
  if (source === undefined) return false;
  const files: Fields[] = [...(source['items'] ?? []), ...(source['sources'] ?? [])];
  return source['defaultUser'] !== undefined || files.some(namesUserOfFile);
}

function namesUserOfFile(part: Fields): boolean {
  if (part['user'] !== undefined) return true;
  return [...FILE_SOURCES, 'serviceAccountToken'].some((source) => {
    const inner = part[source] as Fields | undefined;
    return inner !== undefined && (inner['user'] !== undefined || namesUser(inner));
  });
}
