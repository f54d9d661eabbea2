import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { countedResource, evaluatorOf } from './quota-evaluator.js';
import { amountOf, amountsText, counted } from './quota-names.js';
import type { ScopeRequirement } from './quota-scopes.js';

const NOW = Date.parse('2030-01-01T00:00:00Z');

function object(body: object, metadata: object = {}): KubeObject {
  return { apiVersion: 'v1', kind: '', ...body, metadata: { name: 'x', ...metadata } } as KubeObject;
}

function used(resource: string, given: KubeObject): string {
  return amountsText(evaluatorOf(resource)!.usage(given, NOW));
}

const container = (requests: object, limits: object = {}, more: object = {}) => ({
  name: 'c',
  resources: { requests, limits },
  ...more,
});

describe('what objects use', () => {
  const pods: [what: string, pod: KubeObject, usage: string][] = [
    ['a pod that asks for nothing', object({ spec: { containers: [{ name: 'c' }] } }), 'count/pods=1,pods=1'],
    [
      'requests, limits, devices and huge pages',
      object({
        spec: {
          containers: [
            container(
              { cpu: '1', memory: '1Gi', 'hugepages-2Mi': '4Mi', 'a.com/gpu': '2', 'kubernetes.io/odd': '1' },
              { cpu: '2', 'ephemeral-storage': '1G' },
            ),
          ],
        },
      }),
      'count/pods=1,cpu=1,hugepages-2Mi=4Mi,limits.cpu=2,limits.ephemeral-storage=1G,memory=1Gi,pods=1,requests.a.com/gpu=2,requests.cpu=1,requests.hugepages-2Mi=4Mi,requests.memory=1Gi',
    ],
    [
      'init containers, sidecars and overhead',
      object({
        spec: {
          overhead: { cpu: '10m' },
          initContainers: [container({ cpu: '100m' }, {}, { restartPolicy: 'Always' }), container({ cpu: '500m' })],
          containers: [container({ cpu: '300m' })],
        },
      }),
      'count/pods=1,cpu=610m,pods=1,requests.cpu=610m',
    ],
    [
      'resources of the pod as a whole',
      object({
        spec: {
          resources: { requests: { cpu: '2' }, limits: { memory: '1Gi' } },
          containers: [container({ cpu: '1', memory: '1Mi' })],
        },
      }),
      'count/pods=1,cpu=2,limits.memory=1Gi,memory=1Mi,pods=1,requests.cpu=2,requests.memory=1Mi',
    ],
    [
      'a resize that is under way',
      object({
        spec: { containers: [container({ cpu: '1' })] },
        status: {
          containerStatuses: [{ name: 'c', allocatedResources: { cpu: '2' }, resources: { requests: { cpu: '3' } } }],
        },
      }),
      'count/pods=1,cpu=3,pods=1,requests.cpu=3',
    ],
    [
      'a resize that cannot be',
      object({
        spec: { containers: [container({ cpu: '9' })] },
        status: {
          conditions: [{ type: 'PodResizePending', reason: 'Infeasible' }],
          containerStatuses: [{ name: 'c', allocatedResources: { cpu: '2' } }],
        },
      }),
      'count/pods=1,cpu=2,pods=1,requests.cpu=2',
    ],
    [
      'a pod that has ended',
      object({ spec: { containers: [container({ cpu: '1' })] }, status: { phase: 'Failed' } }),
      'count/pods=1',
    ],
    [
      'a pod that goes',
      object(
        { spec: { containers: [] } },
        { deletionTimestamp: '2029-12-31T23:59:50Z', deletionGracePeriodSeconds: 30 },
      ),
      'count/pods=1,pods=1',
    ],
    [
      'a pod that should be gone',
      object(
        { spec: { containers: [] } },
        { deletionTimestamp: '2029-12-31T23:59:20Z', deletionGracePeriodSeconds: 30 },
      ),
      'count/pods=1',
    ],
  ];
  test.each(pods)('%s', (_, pod, usage) => {
    assert.equal(used('pods', pod), usage);
  });

  const others: [resource: string, given: object, usage: string][] = [
    ['configmaps', {}, 'configmaps=1,count/configmaps=1'],
    ['apps/deployments', {}, 'count/deployments.apps=1'],
    ['example.com/things', {}, 'count/things.example.com=1'],
    [
      'services',
      { spec: { type: 'NodePort', ports: [{}, {}] } },
      'count/services=1,services.loadbalancers=0,services.nodeports=2,services=1',
    ],
    [
      'services',
      { spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ nodePort: 30000 }, {}] } },
      'count/services=1,services.loadbalancers=1,services.nodeports=1,services=1',
    ],
    [
      'persistentvolumeclaims',
      {
        spec: { storageClassName: 'gold', resources: { requests: { storage: '1500m' } } },
        status: { allocatedResources: { storage: '1Ki' } },
      },
      'count/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/requests.storage=1Ki,persistentvolumeclaims=1,requests.storage=1Ki',
    ],
    [
      'resource.k8s.io/resourceclaims',
      {
        spec: {
          devices: {
            requests: [
              { exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 } },
              {
                firstAvailable: [
                  { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 3 },
                  { deviceClassName: 'gpu', allocationMode: 'All' },
                ],
              },
            ],
          },
        },
      },
      'count/resourceclaims.resource.k8s.io=1,gpu.deviceclass.resource.k8s.io/devices=34',
    ],
  ];
  test.each(others)('%s', (resource, given, usage) => {
    assert.equal(used(resource, object(given)), usage);
  });

  test('events count nothing', () => {
    assert.equal(evaluatorOf('events'), undefined);
    assert.equal(evaluatorOf('events.k8s.io/events'), undefined);
  });

  test('names say which objects they count', () => {
    assert.deepEqual(
      ['secrets', 'count/pods', 'count/things.example.com', 'count/__proto__', 'pods'].map(countedResource),
      ['secrets', 'pods', 'example.com/things', '__proto__', undefined],
    );
  });

  test('amounts are counted in whole units, and no more than can be counted exactly', () => {
    const counts: [string, string, number][] = [
      ['requests.cpu', '1500u', 2],
      ['limits.cpu', '2', 2000],
      ['memory', '100m', 1],
      ['requests.memory', '7Ei', Number.MAX_SAFE_INTEGER],
    ];
    for (const [name, text, units] of counts) {
      const quantity = evaluatorOf('pods')!
        .usage(
          object({
            spec: { containers: [container({ [name.split('.').at(-1)!]: text }, { [name.split('.').at(-1)!]: text })] },
          }),
          NOW,
        )
        .get(name)!;
      assert.equal(counted(name, quantity), units, name);
    }
    assert.equal(amountOf('requests.cpu', 1500, undefined).toString(), '1500m');
    assert.equal(amountOf('pods', 0, undefined).toString(), '0');
  });
});

describe('scopes of pods', () => {
  const exists = (scopeName: string): ScopeRequirement => ({ scopeName, operator: 'Exists' });
  const matching = (pod: KubeObject) =>
    [
      'Terminating',
      'NotTerminating',
      'BestEffort',
      'NotBestEffort',
      'PriorityClass',
      'CrossNamespacePodAffinity',
    ].filter((scope) => evaluatorOf('pods')!.matchesScope(exists(scope), pod));

  test('are about deadlines, quality of service, priority and affinity', () => {
    assert.deepEqual(matching(object({ spec: { containers: [{ name: 'c' }] } })), ['NotTerminating', 'BestEffort']);
    const term = { topologyKey: 'zone', namespaceSelector: {} };
    const affinity = {
      podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: term }] },
    };
    const busy = {
      activeDeadlineSeconds: 0,
      priorityClassName: 'high',
      affinity,
      containers: [container({ cpu: '1' })],
    };
    assert.deepEqual(matching(object({ spec: busy })), [
      'Terminating',
      'NotBestEffort',
      'PriorityClass',
      'CrossNamespacePodAffinity',
    ]);
  });

  test('compare values as selectors of labels do', () => {
    const matches = (operator: string, priorityClassName?: string) =>
      evaluatorOf('pods')!.matchesScope(
        { scopeName: 'PriorityClass', operator, values: ['high'] },
        object({ spec: { containers: [], priorityClassName } }),
      );
    assert.deepEqual([matches('In', 'high'), matches('In', 'low'), matches('In')], [true, false, false]);
    assert.deepEqual([matches('NotIn', 'high'), matches('NotIn', 'low'), matches('NotIn')], [false, true, true]);
    assert.deepEqual([matches('DoesNotExist', 'high'), matches('DoesNotExist'), matches('Odd')], [false, true, false]);
  });

  test('a claim matches by each class that it has or goes to', () => {
    const claim = object({
      spec: { volumeAttributesClassName: 'slow' },
      status: { currentVolumeAttributesClassName: 'fast' },
    });
    const matches = (value: string) =>
      evaluatorOf('persistentvolumeclaims')!.matchesScope(
        { scopeName: 'VolumeAttributesClass', operator: 'In', values: [value] },
        claim,
      );
    assert.deepEqual([matches('slow'), matches('fast'), matches('other')], [true, true, false]);
  });
});
