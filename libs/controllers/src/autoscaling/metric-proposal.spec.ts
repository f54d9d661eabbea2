import assert from 'node:assert/strict';
import { type GroupVersionResource, genericNotFound, type KubeObject } from '#apimachinery';
import type { Client, ListOptions } from '#client';
import { allResources, type HorizontalPodAutoscaler, type MetricSpec, ResourceCatalog } from '#kinds';
import { buildPod } from '#testing';
import { MetricFailure, propose, type Target } from './metric-proposal.js';
import { MetricsClient } from './metrics-client.js';

const now = Date.parse('2026-01-02T03:04:05Z');
const READY = '2026-01-02T00:00:00Z';
const pods = ['a', 'b'].map((name) => buildPod({ name, readySince: READY }));
const target: Target = { specReplicas: 2, statusReplicas: 2, selector: 'app=web', pods };

/** What is asked for, and the answers by path. */
let asked: string[];
let answers: Map<string, unknown>;

const pathOf = ({ group, version, resource }: GroupVersionResource, namespace: string, ...rest: string[]) =>
  [group, version, namespace, resource, ...rest].filter((part) => part !== '').join('/');

function answer(path: string, query: object): any {
  const text = new URLSearchParams({ ...query }).toString();
  asked.push(text === '' ? path : `${path}?${text}`);
  const found = answers.get(path);
  if (found === undefined) throw genericNotFound();
  return found;
}

const client = {
  get: async (gvr: GroupVersionResource, namespace: string, name: string, subresource = '', query = {}) =>
    answer(pathOf(gvr, namespace, name, subresource), query),
  list: async (gvr: GroupVersionResource, { namespace = '', labelSelector }: ListOptions) =>
    answer(pathOf(gvr, namespace), labelSelector ? { labelSelector } : {}),
} as unknown as Client;

function look(spec: MetricSpec) {
  const autoscaler = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web', namespace: 'ns' },
  } as unknown as HorizontalPodAutoscaler;
  return propose(
    {
      metrics: new MetricsClient(client, new ResourceCatalog(allResources())),
      autoscaler,
      target,
      tolerances: { scaleDown: 0.1, scaleUp: 0.1 },
      settings: { cpuInitializationPeriod: 0, initialReadinessDelay: 0, now },
    },
    spec,
  );
}

async function failure(spec: MetricSpec): Promise<MetricFailure> {
  const error = await look(spec).then(
    () => undefined,
    (reason) => reason,
  );
  assert.ok(error instanceof MetricFailure, String(error));
  return error;
}

const value = (name: string, text: string): object => ({
  describedObject: { kind: 'Pod', name },
  timestamp: '2026-01-02T03:04:00Z',
  value: text,
});
const items = (...all: object[]) => ({ items: all as KubeObject[] });

beforeEach(() => {
  asked = [];
  answers = new Map();
});

describe('custom metrics', () => {
  const qps: MetricSpec = {
    type: 'Pods',
    pods: {
      metric: { name: 'qps', selector: { matchLabels: { verb: 'GET' } } },
      target: { type: 'AverageValue', averageValue: '10' },
    },
  };

  test('of pods come from the newest version that is served', async () => {
    answers.set('custom.metrics.k8s.io/v1beta1/ns/pods/*/qps', items(value('a', '30'), value('b', '20500m')));
    const { replicas, name, status } = await look(qps);
    assert.deepEqual(asked, [
      'custom.metrics.k8s.io/v1beta2/ns/pods/*/qps?labelSelector=app%3Dweb&metricLabelSelector=verb%3DGET',
      'custom.metrics.k8s.io/v1beta1/ns/pods/*/qps?labelSelector=app%3Dweb&metricLabelSelector=verb%3DGET',
    ]);
    assert.deepEqual([replicas, name], [6, 'pods metric qps']);
    assert.deepEqual(status.pods?.current, { averageValue: '25250m' });
  });

  test('say when there are none', async () => {
    answers.set('custom.metrics.k8s.io/v1beta2/ns/pods/*/qps', items());
    const { reason, why, message } = await failure(qps);
    assert.deepEqual(
      [reason, why],
      ['FailedGetPodsMetric', 'unable to get metric qps: no metrics returned from custom metrics API'],
    );
    assert.equal(message, `failed to get pods metric value: ${why}`);
  });

  const ofObject = (kind: string, apiVersion: string, wanted: object): MetricSpec => ({
    type: 'Object',
    object: {
      metric: { name: 'hits' },
      describedObject: { kind, apiVersion, name: 'thing' },
      target: wanted as never,
    },
  });

  test('of an object have the path of its resource, and of the namespace one of their own', async () => {
    answers.set('custom.metrics.k8s.io/v1beta2/ns/ingresses.networking.k8s.io/thing/hits', items(value('thing', '50')));
    answers.set('custom.metrics.k8s.io/v1beta2/ns/metrics/hits', items(value('ns', '8')));
    const whole = await look(ofObject('Ingress', 'networking.k8s.io/v1', { type: 'Value', value: '10' }));
    assert.deepEqual([whole.replicas, whole.name], [10, 'Ingress metric hits']);
    assert.deepEqual(whole.status.object?.current, { value: '50' });
    const share = await look(ofObject('Namespace', 'v1', { type: 'AverageValue', averageValue: '2' }));
    assert.deepEqual([share.replicas, share.name], [4, 'external metric hits(nil)']);
    assert.deepEqual(share.status.object?.current, { averageValue: '4' });
  });

  test('of an object are exactly one, and of a kind that there is', async () => {
    answers.set('custom.metrics.k8s.io/v1beta2/ns/services/thing/hits', items(value('x', '1'), value('y', '1')));
    const about = 'unable to get metric hits on Service ns/thing: unable to fetch metrics from custom metrics API: ';
    assert.equal(
      (await failure(ofObject('Service', 'v1', { type: 'Value', value: '1' }))).why,
      `${about}the custom metrics API server returned 2 results when we asked for exactly one`,
    );
    const shared = await failure(ofObject('Gadget', 'x/v1', { type: 'AverageValue', averageValue: '1' }));
    assert.match(
      shared.why,
      /^unable to get metric hits on Gadget .* unable to map kind Gadget\.x to resource: no matches/,
    );
    assert.equal(shared.message, `failed to get object metric value: failed to get hits object metric: ${shared.why}`);
    assert.equal(
      (await failure(ofObject('Service', 'v1', { type: 'Value' }))).why,
      'invalid object metric source: neither a value target nor an average value target was set',
    );
  });
});

describe('external metrics', () => {
  const queue = (wanted: object): MetricSpec => ({
    type: 'External',
    external: { metric: { name: 'queue', selector: { matchLabels: { q: '1' } } }, target: wanted as never },
  });

  test('are added up, for all pods or for each', async () => {
    answers.set('external.metrics.k8s.io/v1beta1/ns/queue', items({ value: '20' }, { value: '10' }));
    const share = await look(queue({ type: 'AverageValue', averageValue: '5' }));
    assert.equal(asked[0], 'external.metrics.k8s.io/v1beta1/ns/queue?labelSelector=q%3D1');
    assert.equal(share.replicas, 6);
    assert.match(share.name, /^external metric queue\(&LabelSelector\{MatchLabels:map\[string\]string\{q: 1,\},/);
    assert.deepEqual(share.status.external?.current, { averageValue: '15' });
    const whole = await look(queue({ type: 'Value', value: '10' }));
    assert.deepEqual([whole.replicas, whole.status.external?.current], [6, { value: '30' }]);
  });

  test('say that they are not served', async () => {
    const { reason, why, message } = await failure(queue({ type: 'Value', value: '10' }));
    assert.equal(reason, 'FailedGetExternalMetric');
    assert.match(
      why,
      /^unable to get external metric ns\/queue\/&LabelSelector.*: unable to fetch metrics from external metrics API: the server could not find the requested resource \(get queue\.external\.metrics\.k8s\.io\)$/,
    );
    assert.equal(message, `failed to get queue external metric value: failed to get external metric queue: ${why}`);
  });
});

test('a metric of no known type is a fault of the spec', async () => {
  const { reason, why, isSpecError } = await failure({ type: 'Odd' });
  assert.deepEqual([reason, why, isSpecError], ['InvalidMetricSourceType', 'unknown metric source type "Odd"', true]);
});
