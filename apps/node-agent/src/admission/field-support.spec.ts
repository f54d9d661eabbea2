import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Node, PodSpec } from '#kinds';
import { containerConfig } from '../execute/container-config.js';
import { sandboxConfig } from '../execute/sandbox-config.js';
import { REFUSED_FIELDS } from '../pod/missing-features.js';
import type { Container, Pod } from '../pod/pod.js';
import { LEGACY } from '../testing/memory-policies.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { pluginOf } from '../volumes/volume-set.js';
import { refusal } from './admission.js';
import { FIELD_SUPPORT, type FieldSupport } from './field-support.js';

const CORE = 'io.k8s.api.core.v1.';
const CLASSES: (keyof FieldSupport)[] = ['acts', 'elsewhere', 'inert', 'refused'];

interface Facts {
  types: Record<string, string | { fields?: Record<string, string | { t: string }> }>;
}

/** Fields of each type that a pod's spec leads to; where the agent acts on a field, those below count too. */
function fieldsOfPods(): Map<string, string[]> {
  const { types } = JSON.parse(readFileSync('libs/kinds/src/facts/api.json', 'utf8')) as Facts;
  const found = new Map<string, string[]>();
  const visit = (type: string) => {
    const own = types[CORE + type];
    if (found.has(type) || typeof own !== 'object' || !own.fields) return;
    found.set(type, Object.keys(own.fields));
    const acted = new Set(words(FIELD_SUPPORT[type]?.acts));
    for (const [field, description] of Object.entries(own.fields)) {
      const below = /#(.+)$/.exec(typeof description === 'string' ? description : description.t)?.[1];
      if (below?.startsWith(CORE) && acted.has(field)) visit(below.slice(CORE.length));
    }
  };
  visit('PodSpec');
  return found;
}

function words(text = ''): string[] {
  return text.split(' ').filter(Boolean);
}

test('Every field of a pod is acted on, is for others, or is refused', () => {
  const fields = fieldsOfPods();
  assert.ok(fields.size > 45, `${fields.size} types`);
  const wanted = [...fields].flatMap(([type, names]) => names.map((name) => `${type}.${name}`)).sort();
  const listed = Object.entries(FIELD_SUPPORT)
    .flatMap(([type, support]) => CLASSES.flatMap((key) => words(support[key]).map((name) => `${type}.${name}`)))
    .sort();
  assert.deepEqual(listed, wanted);
});

const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } } as Node;
const allocatable = { cpu: '2', memory: '1Gi', 'ephemeral-storage': '1Gi', pods: '10', 'hugepages-2Mi': '1Gi' };
const admit = (pod: Pod) =>
  refusal({ pod, node, allocatable, others: [], pressure: [], unsafeSysctls: [], appArmor: false });

const sandbox = (pod: Pod) =>
  sandboxConfig({
    pod,
    attempt: 0,
    logDirectory: '/l',
    cgroupParent: '/c',
    dns: { clusterDns: [], clusterDomain: 'c', host: { servers: [], searches: [], options: [] } },
    seccompRoot: '/s',
  });

const config = (pod: Pod) =>
  containerConfig({
    pod,
    container: [...pod.spec.containers, ...(pod.spec.ephemeralContainers ?? [])].at(-1)!,
    restartCount: 0,
    image: { id: 'i', uid: { value: 0 }, username: '' } as never,
    imageRef: 'i',
    environment: new Map(),
    mounts: [],
    devices: [],
    logPath: 'l',
    seccompRoot: '/s',
    kernelPaths: { masked: ['/proc/kcore'], readOnly: ['/proc/sys'] },
    volumeGroups: [],
    resources: { memoryCapacity: 1, minimumOomScore: 0, memoryPolicy: LEGACY },
  });

const having = (rest: Record<string, unknown>): Pod =>
  aPod({ containers: [aContainer('main', rest as Partial<Container>)] });
const volume = (source: object): Pod => aPod({ volumes: [{ name: 'v', ...source }] });
const rule = (action: string) => ({ restartPolicyRules: [{ action, exitCodes: { operator: 'In', values: [1] } }] });

/** By field: the feature that the pod lacks, and a pod that asks for it. */
const byAdmission: [field: string, feature: string, pod: Pod][] = [
  ['PodSpec.resourceClaims', 'DynamicResourceAllocation', aPod({ resourceClaims: [{ name: 'gpu' }] })],
  ['ResourceRequirements.claims', 'DynamicResourceAllocation', having({ resources: { claims: [{ name: 'gpu' }] } })],
  [
    'EnvVarSource.fileKeyRef',
    'EnvFiles',
    having({ env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'p', key: 'k' } } }] }),
  ],
  ['ContainerRestartRule.action', 'RestartAllContainersOnContainerExits', having(rule('RestartAllContainers'))],
  [
    'VolumeMount.bindMountOptions',
    'VolumeBindMountOptions',
    having({ volumeMounts: [{ name: 'v', mountPath: '/v', bindMountOptions: ['noexec'] }] }),
  ],
  [
    'HTTPGetAction.protocol',
    'H2CContainerProbe',
    having({ livenessProbe: { httpGet: { port: 1, protocol: 'HTTP2' } } }),
  ],
  ['GRPCAction.mode', 'GRPCContainerProbeTLS', having({ readinessProbe: { grpc: { port: 1, mode: 'TLS' } } })],
  ['EmptyDirVolumeSource.mode', 'EmptyDirVolumeMode', volume({ emptyDir: { mode: 0o700 } })],
  ['ConfigMapVolumeSource.defaultUser', 'AtomicWriteVolumeUserFields', volume({ configMap: { defaultUser: 1 } })],
  ['SecretVolumeSource.defaultUser', 'AtomicWriteVolumeUserFields', volume({ secret: { defaultUser: 0 } })],
  ['DownwardAPIVolumeSource.defaultUser', 'AtomicWriteVolumeUserFields', volume({ downwardAPI: { defaultUser: 1 } })],
  ['ProjectedVolumeSource.defaultUser', 'AtomicWriteVolumeUserFields', volume({ projected: { defaultUser: 1 } })],
  ['KeyToPath.user', 'AtomicWriteVolumeUserFields', volume({ configMap: { items: [{ user: 1 }] } })],
  ['DownwardAPIVolumeFile.user', 'AtomicWriteVolumeUserFields', volume({ downwardAPI: { items: [{ user: 1 }] } })],
  [
    'ServiceAccountTokenProjection.user',
    'AtomicWriteVolumeUserFields',
    volume({ projected: { sources: [{ serviceAccountToken: { user: 1 } }] } }),
  ],
  [
    'ClusterTrustBundleProjection.user',
    'AtomicWriteVolumeUserFields',
    volume({ projected: { sources: [{ clusterTrustBundle: { user: 1 } }] } }),
  ],
  [
    'PodCertificateProjection.user',
    'AtomicWriteVolumeUserFields',
    volume({ projected: { sources: [{ podCertificate: { user: 1 } }] } }),
  ],
];

/** Refused later, in kubelet's words. */
const later: Record<string, () => unknown> = {
  'PodSpec.hostUsers': () => sandbox(aPod({ hostUsers: false })),
  'SecurityContext.procMount': () => config(having({ securityContext: { procMount: 'Unmasked' } })),
  'VolumeMount.recursiveReadOnly': () =>
    config(having({ volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Enabled' }] })),
};
for (const type of words(FIELD_SUPPORT['Volume']!.refused)) {
  later[`Volume.${type}`] = () => pluginOf({ name: 'v', [type]: {} });
}

describe('A pod that asks for what this node gives to nobody', () => {
  for (const [field, feature, pod] of byAdmission) {
    test(`is refused for ${field}`, () => {
      const message = `Pod requires node features that are not available: ${feature}`;
      assert.deepEqual(admit(pod), { reason: 'PodFeatureUnsupported', message });
    });
  }
  for (const [field, start] of Object.entries(later)) {
    test(`does not start for ${field}`, async () => {
      await assert.rejects(async () => start(), /not support|`hostUsers` must be false/);
    });
  }

  test('is one for each field that is called refused', () => {
    const refused = Object.entries(FIELD_SUPPORT).flatMap(([type, support]) =>
      words(support.refused).map((name) => `${type}.${name}`),
    );
    const shown = [...byAdmission.map(([field]) => field), ...Object.keys(later)];
    assert.deepEqual(shown.sort(), refused.sort());
    assert.deepEqual(byAdmission.map(([field]) => field).sort(), [...REFUSED_FIELDS].sort());
  });

  test('is told all that it lacks', () => {
    const pod = aPod({ resourceClaims: [{ name: 'a' }], resources: { limits: { 'hugepages-2Mi': '2Mi' } } });
    const missing = 'DynamicResourceAllocation, PodLevelHugePages';
    assert.equal(admit(pod)?.message, `Pod requires node features that are not available: ${missing}`);
  });
});

test('What asks for no more than the defaults of such fields runs', () => {
  const spec: Partial<PodSpec> = {
    hostUsers: true,
    resourceClaims: [],
    containers: [
      aContainer('main', {
        ...rule('Restart'),
        securityContext: { procMount: 'Default' },
        livenessProbe: { httpGet: { port: 1, protocol: 'HTTP1' } as never },
        readinessProbe: { grpc: { port: 1, mode: 'Plaintext' } as never },
        volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'IfPossible' }],
      }),
    ],
    volumes: [{ name: 'v', emptyDir: {} }],
  };
  const pod = aPod(spec);
  assert.equal(admit(pod), undefined);
  assert.ok(sandbox(pod));
  assert.deepEqual(config(pod).linux.securityContext?.maskedPaths, ['/proc/kcore']);
});

test('An ephemeral container, which comes after admission, is asked as well', () => {
  const fileKeyRef = { volumeName: 'v', path: 'p', key: 'k' };
  const debug = aContainer('debug', { env: [{ name: 'A', valueFrom: { fileKeyRef } }] });
  const message = 'Pod requires node features that are not available: EnvFiles';
  assert.throws(() => config(aPod({ ephemeralContainers: [debug] })), { message });
});

test('A container that should see the processes of another does not start without that one', () => {
  const pod = aPod({ ephemeralContainers: [aContainer('debug', { targetContainerName: 'main' })] });
  assert.throws(() => config(pod), { message: 'unable to find target container main' });
});
