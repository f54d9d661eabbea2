import assert from 'node:assert/strict';
import { context, created, resource } from '../../../testing/spec-support.js';

/** What the writer of a good object is told, at a create or, with `change`, at an update. */
function told(path: string, body: object, change?: (object: any) => void): string[] {
  const warnings: string[] = [];
  const { strategy } = resource(path);
  const writing = { ...context(), warn: (text: string) => warnings.push(text) };
  const object = created(path, body as never);
  if (change === undefined) {
    assert.deepEqual(strategy.validateCreate(object, writing), []);
    return warnings;
  }
  const next = structuredClone(object);
  next.metadata.resourceVersion = object.metadata.resourceVersion = '7';
  change(next);
  strategy.prepareForUpdate(next, object, writing);
  assert.deepEqual(strategy.validateUpdate(next, object, writing), []);
  return warnings;
}

const container = (more: object = {}) => ({ name: 'c', image: 'i', ...more });
const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata,
  spec: { containers: [container()], ...spec },
});
const inPod = (more: object) => pod({ containers: [container(more)] });
const env = (...pairs: [string, string][]) => inPod({ env: pairs.map(([name, value]) => ({ name, value })) });
const files = (...paths: string[]) => paths.map((path, i) => ({ key: `k${i}`, path }));
const hides = (i: number) =>
  `spec.containers[0].env[${i}]: hides previous definition of "A", which may be dropped when using apply`;

describe('a pod', () => {
  const zone = 'failure-domain.beta.kubernetes.io/zone';
  const zoneText = 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead';
  const term = (values: string[]) => ({ matchExpressions: [{ key: zone, operator: 'In', values }] });
  const noPod = 'a null labelSelector results in matching no pod';
  const table: [what: string, body: object, warnings: string[]][] = [
    ['with nothing special', pod(), []],
    ['with different names', env(['A', '1'], ['B', '2']), []],
    ['with a name twice', env(['A', '1'], ['A', '2']), [hides(1)]],
    ['with a name that adds to itself', env(['A', '1'], ['A', '$(A) 2'], ['A', '$(A)$(A)']), []],
    ['with a name that is itself', env(['A', '1'], ['A', '$(A)']), [hides(1)]],
    [
      'with a name from elsewhere',
      inPod({
        env: [
          { name: 'A', value: '1' },
          { name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
        ],
      }),
      [hides(1)],
    ],
    [
      'with a deprecated label of nodes',
      pod({ nodeSelector: { 'beta.kubernetes.io/os': 'linux' } }),
      ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
    ],
    [
      'with one in its affinity, and values that no label has',
      pod({
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term(['a'])] },
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: term(['-']) }],
          },
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'k' }] },
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: 'k' } }],
          },
        },
      }),
      [
        `spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: ${zone} is ${zoneText}`,
        `spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key: ${zone} is ${zoneText}`,
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values[0]: - is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        `spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: ${noPod}`,
        `spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: ${noPod}`,
      ],
    ],
    [
      'with a spread over nothing',
      pod({ topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule' }] }),
      [
        `spec.topologySpreadConstraints[0].topologyKey: ${zone} is ${zoneText}`,
        `spec.topologySpreadConstraints[0].labelSelector: ${noPod}`,
      ],
    ],
    [
      'with annotations of old',
      pod(
        {},
        {
          annotations: {
            'scheduler.alpha.kubernetes.io/critical-pod': '',
            'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
            'container.seccomp.security.alpha.kubernetes.io/c': 'unconfined',
          },
        },
      ),
      [
        'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
        'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
        'metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead',
      ],
    ],
    [
      'with volumes that are gone',
      pod({
        volumes: [
          { name: 'a', gitRepo: { repository: 'r' } },
          { name: 'b', rbd: { monitors: ['m'], image: 'i' } },
        ],
      }),
      [
        'spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+',
        'spec.volumes[1].rbd: deprecated in v1.28, non-functional in v1.31+',
      ],
    ],
    [
      'with files over each other',
      pod({
        volumes: [
          { name: 'a', configMap: { name: 'm', items: files('x', 'x/y', 'z') } },
          {
            name: 'b',
            projected: {
              sources: [
                { configMap: { name: 'm', items: files('token') } },
                { serviceAccountToken: { path: 'token' } },
                { secret: { name: 's', items: files('other') } },
              ],
            },
          },
        ],
        serviceAccountName: 'default',
      }),
      [
        'volume "a" (ConfigMap "m"): overlapping paths: "x/y" with "x"',
        'volume "b" (Projected): overlapping paths: "token" (ServiceAccountToken) with "token" (ConfigMap "m")',
      ],
    ],
    [
      'with the same twice',
      pod({
        hostAliases: [
          { ip: '1.2.3.4', hostnames: ['a'] },
          { ip: '1.2.3.4', hostnames: ['b'] },
        ],
        imagePullSecrets: [{ name: 'a' }, { name: 'a' }, { name: '' }],
      }),
      [
        'spec.hostAliases[1].ip: duplicate ip "1.2.3.4"',
        'spec.imagePullSecrets[1].name: duplicate name "a"',
        'spec.imagePullSecrets[2].name: invalid empty name ""',
      ],
    ],
    [
      'with parts of bytes',
      inPod({ resources: { limits: { memory: '1500m' }, requests: { memory: '500m', 'ephemeral-storage': '1' } } }),
      [
        'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer',
        'spec.containers[0].resources.requests[memory]: fractional byte value "500m" is invalid, must be an integer',
      ],
    ],
    [
      'with ports that meet',
      pod({
        containers: [
          container({ ports: [{ containerPort: 80 }, { containerPort: 80 }, { containerPort: 80, hostPort: 8080 }] }),
          container({
            name: 'd',
            ports: [
              { containerPort: 90, hostPort: 90, name: 'web' },
              { containerPort: 90, hostPort: 90, hostIP: '1.2.3.4' },
              { containerPort: 91, hostIP: '1.2.3.4' },
            ],
          }),
          container({ name: 'e', ports: [{ containerPort: 92, name: 'web' }] }),
        ],
      }),
      [
        'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
        'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[0]',
        'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[1]',
        'spec.containers[1].ports[1]: dangerously ambiguous port definition with spec.containers[1].ports[0]',
        'spec.containers[1].ports[2]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:91 Protocol:TCP HostIP:1.2.3.4}',
        'spec.containers[2].ports[0]: duplicate port name "web" with spec.containers[1].ports[0], services and probes that select ports by name will use spec.containers[1].ports[0]',
      ],
    ],
    [
      'with addresses that are written otherwise',
      pod({ hostAliases: [{ ip: 'FD00::1', hostnames: ['a'] }] }),
      ['spec.hostAliases[0].ip: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")'],
    ],
    [
      'with a name that is no label',
      pod({}, { name: 'a.b' }),
      [
        "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
      ],
    ],
  ];
  for (const [what, body, warnings] of table) test(what, () => assert.deepEqual(told('v1/pods', body), warnings));

  test('is not looked at again when it is updated', () => {
    const change = (object: any) => {
      object.metadata.labels = { a: 'b' };
    };
    assert.deepEqual(told('v1/pods', env(['A', '1'], ['A', '2']), change), []);
  });

  test('of thousands of ports alike is told of some, and soon', () => {
    const ports = Array.from({ length: 30_000 }, () => ({ containerPort: 80 }));
    const before = process.cpuUsage();
    assert.equal(told('v1/pods', inPod({ ports })).length, 64);
    const { user } = process.cpuUsage(before);
    // Every pair would be 450 million comparisons, and as many texts.
    assert.ok(user < 10_000_000, `${user} µs`);
  });
});

describe('a template', () => {
  const twice = {
    spec: {
      containers: [
        container({
          env: [
            { name: 'MODE', value: '1' },
            { name: 'MODE', value: '2' },
          ],
        }),
      ],
    },
  };
  const labels = { app: 'a' };
  const template = { metadata: { labels }, ...twice };
  const never = { ...template, spec: { ...twice.spec, restartPolicy: 'Never' } };
  const selector = { matchLabels: labels };
  const kinds: [path: string, body: object, at: string][] = [
    ['apps/v1/deployments', { spec: { selector, template } }, 'spec.template'],
    ['apps/v1/replicasets', { spec: { selector, template } }, 'spec.template'],
    ['apps/v1/daemonsets', { spec: { selector, template } }, 'spec.template'],
    ['apps/v1/statefulsets', { spec: { selector, template, serviceName: 's' } }, 'spec.template'],
    ['v1/replicationcontrollers', { spec: { selector: labels, template } }, 'spec.template'],
    ['v1/podtemplates', { template }, 'template'],
    ['batch/v1/jobs', { spec: { template: never } }, 'spec.template'],
    [
      'batch/v1/cronjobs',
      { spec: { schedule: '* * * * *', jobTemplate: { spec: { template: never } } } },
      'spec.jobTemplate.spec.template',
    ],
  ];
  for (const [path, body, at] of kinds) {
    const hidden = `${at}.spec.containers[0].env[1]: hides previous definition of "MODE", which may be dropped when using apply`;
    test(`of ${path}`, () => {
      assert.deepEqual(told(path, body), [hidden]);
      const relabelled = (object: any) => {
        object.metadata.labels = { other: 'label' };
      };
      assert.deepEqual(told(path, body, relabelled), []);
    });
  }

  test('that changes is looked at again', () => {
    const change = ({ spec }: any) => {
      spec.template.spec.containers[0].image = 'j';
    };
    assert.equal(told('apps/v1/deployments', { spec: { selector, template } }, change).length, 1);
  });

  test('has its annotations at its own path', () => {
    const annotations = { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' };
    const annotated = { metadata: { labels, annotations }, spec: { containers: [container()] } };
    assert.deepEqual(told('apps/v1/deployments', { spec: { selector, template: annotated } }), [
      'spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ]);
  });

  test('of a workload whose name is no label', () => {
    const [text = ''] = told('apps/v1/deployments', { metadata: { name: 'a.b' }, spec: { selector, template } });
    assert.match(
      text,
      /^metadata\.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: \[must not contain dots\]$/,
    );
  });
});

describe('volumes and claims', () => {
  test('that are told of', () => {
    const spec = {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Recycle',
      nfs: { server: 's', path: '/' },
    };
    assert.deepEqual(told('v1/persistentvolumes', { spec }), [
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    ]);
    const annotations = { 'volume.beta.kubernetes.io/storage-class': 'fast' };
    const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1500m' } } };
    assert.deepEqual(told('v1/persistentvolumeclaims', { metadata: { annotations }, spec: claim }), [
      'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
    ]);
  });
});
