import type { LifecycleHandler, Probe, VolumeProjection } from '#kinds';
import { allContainers, type Container, type Pod } from './pod.js';

/** Something that a pod may ask for and this node gives to nobody. */
interface MissingFeature {
  /** The name that pods are refused with: that of upstream's feature. */
  name: string;
  /** Fields that ask for it, as `Type.field`: what `field-support.ts` calls refused. */
  fields: readonly string[];
  isAsked(pod: Pod): boolean;
}

/** Of a probe or a lifecycle hook. */
type Handler = LifecycleHandler & Pick<Probe, 'grpc'>;

const inContainers = (asks: (container: Container) => boolean | undefined) => (pod: Pod) =>
  [...allContainers(pod)].some(({ container }) => asks(container) === true);

const inHandlers = (asks: (handler: Handler) => boolean) =>
  inContainers(({ livenessProbe, readinessProbe, startupProbe, lifecycle }) =>
    [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].some(
      (handler) => handler !== undefined && asks(handler),
    ),
  );

/** Volume sources that write files: their own parts name who owns each. */
const FILE_SOURCES = ['configMap', 'secret', 'downwardAPI', 'projected'] as const;
const PROJECTIONS = [
  'configMap',
  'secret',
  'downwardAPI',
  'serviceAccountToken',
  'clusterTrustBundle',
  'podCertificate',
] as const;

/** What they have in common, as far as users are concerned. */
interface FileSource {
  user?: number;
  defaultUser?: number;
  items?: { user?: number }[];
  sources?: VolumeProjection[];
}

const FEATURES: readonly MissingFeature[] = [
  {
    name: 'DynamicResourceAllocation',
    fields: ['PodSpec.resourceClaims', 'ResourceRequirements.claims'],
    isAsked: (pod) =>
      isListed(pod.spec.resourceClaims) ||
      isListed(pod.spec.resources?.claims) ||
      inContainers(({ resources }) => isListed(resources?.claims))(pod),
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
    isAsked: inContainers(({ volumeMounts }) => volumeMounts?.some((mount) => isListed(mount.bindMountOptions))),
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
      'ClusterTrustBundleProjection.user',
      'PodCertificateProjection.user',
    ],
    isAsked: ({ spec }) => (spec.volumes ?? []).some((volume) => FILE_SOURCES.some((type) => namesUser(volume[type]))),
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
// test-only: for the comparison with the table of all fields
export const REFUSED_FIELDS: readonly string[] = FEATURES.flatMap(({ fields }) => fields);

/** Pure: what the pod asks for and this node gives to nobody; a pod that ran without would do something else than it says. */
export function missingFeatures(pod: Pod): string[] {
  return FEATURES.filter(({ isAsked }) => isAsked(pod)).map(({ name }) => name);
}

export function missingMessage(features: readonly string[]): string {
  return `Pod requires node features that are not available: ${features.join(', ')}`;
}

function isListed(value: unknown[] | undefined): boolean {
  return value !== undefined && value.length > 0;
}

function namesUser(source: FileSource | undefined): boolean {
  if (source === undefined) return false;
  const { user, defaultUser, items = [], sources = [] } = source;
  if (user !== undefined || defaultUser !== undefined) return true;
  if (items.some((file) => file.user !== undefined)) return true;
  return sources.some((projection) => PROJECTIONS.some((type) => namesUser(projection[type])));
}
