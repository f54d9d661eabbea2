import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import type { Container } from '../pod/pod.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { buildEnvironment, type EnvironmentInput } from './environment.js';

const service = (name: string, clusterIP: string, ports: object[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { clusterIP, ports },
});
const kubernetes = service('kubernetes', '10.96.0.1', [{ name: 'https', port: 443, protocol: 'TCP' }]);

function environment(
  container: Partial<Container>,
  rest: Partial<EnvironmentInput> = {},
): Promise<Map<string, string>> {
  const pod = aPod({ enableServiceLinks: true }, {}, { labels: { app: 'x' } });
  return buildEnvironment({
    pod,
    podIPs: ['10.0.0.9'],
    hostIPs: ['192.0.2.1'],
    nodeName: 'node-1',
    nodeAllocatable: { cpu: '4', memory: '8Gi' },
    container: aContainer('main', container),
    source: {
      configMap: async (_, name) =>
        name === 'map'
          ? { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { a: '1', 'b=c': '2' } }
          : undefined,
      secret: async (_, name) =>
        name === 'key' ? { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { p: 'cHc=' } } : undefined,
    },
    services: [
      service('my-db', '10.96.0.7', [{ port: 5432, protocol: 'TCP' }]),
      service('none', 'None', [{ port: 1 }]),
    ],
    masterService: kubernetes,
    ...rest,
  });
}

test('services are variables, headless ones are not', async () => {
  const result = await environment({});
  assert.equal(result.get('KUBERNETES_SERVICE_HOST'), '10.96.0.1');
  assert.equal(result.get('KUBERNETES_SERVICE_PORT_HTTPS'), '443');
  assert.equal(result.get('MY_DB_PORT_5432_TCP'), 'tcp://10.96.0.7:5432');
  assert.equal(result.get('MY_DB_PORT_5432_TCP_PROTO'), 'tcp');
  assert.equal(result.get('NONE_SERVICE_HOST'), undefined);
});

test('variables refer to those before them and to services', async () => {
  const result = await environment({
    env: [
      { name: 'A', value: 'one' },
      { name: 'B', value: '$(A)-$(KUBERNETES_SERVICE_PORT)-$(C)' },
      { name: 'C', value: 'late' },
    ],
  });
  assert.equal(result.get('B'), 'one-443-$(C)');
});

test('env wins over envFrom, and names that are none are told', async () => {
  const told: string[] = [];
  const result = await environment(
    { envFrom: [{ prefix: 'P_', configMapRef: { name: 'map' } }], env: [{ name: 'P_a', value: 'own' }] },
    { onInvalid: (from, keys) => told.push(`${from}:${keys.join()}`) },
  );
  assert.equal(result.get('P_a'), 'own');
  assert.deepEqual(told, ['map:P_b=c']);
});

test('references to what is missing fail with the words of the reference, optional ones do not', async () => {
  const from = (valueFrom: object, optional?: boolean) => {
    const [kind, selector] = Object.entries(valueFrom)[0]!;
    return environment({ env: [{ name: 'A', valueFrom: { [kind]: { ...selector, optional } } }] });
  };
  await assert.rejects(from({ configMapKeyRef: { name: 'no', key: 'a' } }), { message: 'configmap "no" not found' });
  await assert.rejects(from({ secretKeyRef: { name: 'key', key: 'x' } }), {
    message: "couldn't find key x in Secret default/key",
  });
  assert.equal((await from({ secretKeyRef: { name: 'no', key: 'x' } }, true)).has('A'), false);
  assert.equal((await from({ secretKeyRef: { name: 'key', key: 'p' } })).get('A'), 'pw');
});

test('fields and resources of the pod', async () => {
  const result = await environment({
    resources: { requests: { cpu: '250m' }, limits: { memory: '64Mi' } },
    env: [
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } } },
      { name: 'CPU_ROUND', valueFrom: { resourceFieldRef: { resource: 'requests.cpu' } } },
      { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      { name: 'CPU_LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
    ],
  });
  const names = ['IP', 'APP', 'CPU', 'CPU_ROUND', 'MEMORY', 'CPU_LIMIT'];
  assert.deepEqual(
    names.map((name) => result.get(name)),
    ['10.0.0.9', 'x', '250', '1', '64', '4'],
  );
});
