import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { type Clock, realClock } from '#client';
import { gvr, type HorizontalPodAutoscaler, type MetricSpec, type Pod } from '#kinds';
import { type ControllerEnvironment, call, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';

/** Time runs ten times as fast: an autoscaler looks every 1.5 s. */
const SPEED = 10;
const start = Date.now();
const clock: Clock = {
  now: () => start + (Date.now() - start) * SPEED,
  setTimeout: (callback, ms) => realClock.setTimeout(callback, ms / SPEED),
};

/** What each pod uses now, by the label `app`. */
const load = new Map<string, { cores: number; memory: number }>();
const used = new Map<string, { seconds: number; at: number }>();

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ agent: true, clock, readNodeUsage });
});
afterAll(() => env.close());

/** As an agent would say it; pods without a load say nothing. */
async function readNodeUsage(): Promise<string> {
  const now = Math.trunc(clock.now());
  const lines = [`node_cpu_usage_seconds_total 1 ${now}`, `node_memory_working_set_bytes 1 ${now}`];
  for (const { metadata, status } of (await env.client.list<Pod>(gvr.pods)).items) {
    const found = load.get(metadata.labels?.['app'] ?? '');
    if (!found || status?.phase !== 'Running') continue;
    const before = used.get(metadata.uid!) ?? { seconds: 0, at: now };
    const seconds = before.seconds + (found.cores * (now - before.at)) / 1000;
    used.set(metadata.uid!, { seconds, at: now });
    const labels = `{container="main",namespace="${metadata.namespace}",pod="${metadata.name}"}`;
    lines.push(`container_cpu_usage_seconds_total${labels} ${seconds} ${now}`);
    lines.push(`container_memory_working_set_bytes${labels} ${found.memory} ${now}`);
  }
  return `${lines.join('\n')}\n`;
}

const resources = {
  Deployment: gvr.deployments,
  StatefulSet: gvr.statefulsets,
  ReplicaSet: gvr.replicasets,
  ReplicationController: gvr.replicationcontrollers,
};

async function workload(ns: string, app: string, replicas: number, kind: keyof typeof resources = 'Deployment') {
  const labels = { app };
  const requests = { cpu: '100m', memory: '100Mi' };
  await env.client.create<KubeObject>(resources[kind], ns, {
    apiVersion: kind === 'ReplicationController' ? 'v1' : 'apps/v1',
    kind,
    metadata: { name: app },
    spec: {
      replicas,
      selector: kind === 'ReplicationController' ? labels : { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'x', resources: { requests } }] } },
    },
  });
}

const byCpu = (averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

function autoscaler(
  ns: string,
  name: string,
  spec: Partial<HorizontalPodAutoscaler['spec']>,
  kind: keyof typeof resources = 'Deployment',
): Promise<KubeObject> {
  const apiVersion = kind === 'ReplicationController' ? 'v1' : 'apps/v1';
  return env.client.create<KubeObject>(gvr.horizontalpodautoscalers, ns, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name },
    spec: { maxReplicas: 10, scaleTargetRef: { apiVersion, kind, name }, ...spec },
  });
}

const get = (ns: string, name: string) =>
  env.client.get<HorizontalPodAutoscaler>(gvr.horizontalpodautoscalers, ns, name);
const condition = async (ns: string, name: string, type: string) => {
  const { status } = await get(ns, name);
  const found = status?.conditions?.find((item) => item.type === type);
  return found && `${found.status} ${found.reason}: ${found.message}`;
};
const eventMessages = async (ns: string, reason: string) =>
  (await env.client.list<KubeObject>(gvr.events, { namespace: ns })).items
    .filter((event) => event['reason'] === reason)
    .map((event) => event['message'] as string);
const replicasOf = async (ns: string, name: string, kind: keyof typeof resources = 'Deployment') =>
  (await env.client.get(resources[kind], ns, name))['spec'].replicas as number;

describe('HorizontalPodAutoscaler', () => {
  it('scales a Deployment out under load, and in when that ends', async () => {
    const ns = await env.namespace();
    load.set('web', { cores: 0.2, memory: 2 ** 20 });
    await workload(ns, 'web', 2);
    await autoscaler(ns, 'web', {
      maxReplicas: 5,
      metrics: [byCpu(50)],
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
    });
    await env.until('five replicas', async () => (await replicasOf(ns, 'web')) === 5);
    const out = await env.until('the status', async () => {
      const { status } = await get(ns, 'web');
      return status?.currentReplicas === 5 && status;
    });
    assert.equal(out.desiredReplicas, 5);
    assert.equal(out.observedGeneration, 1);
    assert.ok(out.lastScaleTime);
    assert.equal(
      await condition(ns, 'web', 'ScalingActive'),
      'True ValidMetricFound: the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)',
    );
    assert.equal(
      await condition(ns, 'web', 'ScalingLimited'),
      'True TooManyReplicas: the desired replica count is more than the maximum replica count',
    );
    const current = out.currentMetrics?.[0]?.resource?.current;
    assert.ok(Math.abs(current!.averageUtilization! - 200) < 20, JSON.stringify(current));

    load.set('web', { cores: 0.01, memory: 2 ** 20 });
    await env.until('one replica', async () => (await replicasOf(ns, 'web')) === 1);
    const messages = await env.until('the events', async () => {
      const found = await eventMessages(ns, 'SuccessfulRescale');
      return found.includes('New size: 1; reason: All metrics below target') && found;
    });
    assert.ok(
      messages.some((text) =>
        /^New size: [45]; reason: cpu resource utilization \(percentage of request\) above target$/.test(text),
      ),
      messages.join(),
    );
    const metrics = (await call(env.server, '/metrics')).body.toString();
    assert.match(
      metrics,
      /horizontal_pod_autoscaler_controller_reconciliations_total\{action="scale_up",error="none"\} \d/,
    );
    assert.match(metrics, new RegExp(`desired_replicas\\{namespace="${ns}",hpa_name="web"\\} 1`));
  });

  for (const kind of ['StatefulSet', 'ReplicaSet', 'ReplicationController'] as const) {
    it(`scales a ${kind} by the average of memory, of one container`, async () => {
      const ns = await env.namespace();
      const app = kind.toLowerCase();
      load.set(app, { cores: 0.01, memory: 90 * 2 ** 20 });
      await workload(ns, app, 1, kind);
      const target = { type: 'AverageValue', averageValue: '60Mi' };
      const metric = { type: 'ContainerResource', containerResource: { name: 'memory', container: 'main', target } };
      await autoscaler(ns, app, { maxReplicas: 2, metrics: [metric] }, kind);
      await env.until('two replicas', async () => (await replicasOf(ns, app, kind)) === 2);
      const status = await env.until('the metric', async () => {
        const found = (await get(ns, app)).status?.currentMetrics?.[0];
        // While there is none its place is empty.
        return found?.type && found;
      });
      assert.deepEqual(status, {
        type: 'ContainerResource',
        containerResource: { name: 'memory', container: 'main', current: { averageValue: '90Mi' } },
      });
    });
  }

  it('brings the target within its bounds whatever the metrics say, and leaves zero alone', async () => {
    const ns = await env.namespace();
    await workload(ns, 'few', 1);
    await workload(ns, 'many', 4);
    await workload(ns, 'none', 0);
    await autoscaler(ns, 'few', { minReplicas: 2 });
    await autoscaler(ns, 'many', { maxReplicas: 3 });
    await autoscaler(ns, 'none', { minReplicas: 2 });
    await env.until(
      'the bounds',
      async () => (await replicasOf(ns, 'few')) === 2 && (await replicasOf(ns, 'many')) === 3,
    );
    await env.until('the condition', () => condition(ns, 'none', 'ScalingActive'));
    assert.equal(
      await condition(ns, 'none', 'ScalingActive'),
      'False ScalingDisabled: scaling is disabled since the replica count of the target is zero',
    );
    assert.equal(await replicasOf(ns, 'none'), 0);
    const messages = await env.until('the events', async () => {
      const found = await eventMessages(ns, 'SuccessfulRescale');
      return found.length === 2 && found;
    });
    assert.deepEqual(messages.sort(), [
      'New size: 2; reason: Current number of replicas below Spec.MinReplicas',
      'New size: 3; reason: Current number of replicas above Spec.MaxReplicas',
    ]);
  });

  it('says what is wrong with its target', async () => {
    const ns = await env.namespace();
    const table: [name: string, reference: { apiVersion: string; kind: string }, message: string][] = [
      ['gone', { apiVersion: 'apps/v1', kind: 'Deployment' }, 'deployments.apps "gone" not found'],
      ['kind', { apiVersion: 'apps/v1', kind: 'Gadget' }, 'no matches for kind "Gadget" in group "apps"'],
      ['job', { apiVersion: 'batch/v1', kind: 'Job' }, 'the server could not find the requested resource'],
    ];
    for (const [name, reference] of table) await autoscaler(ns, name, { scaleTargetRef: { ...reference, name } });
    for (const [name, , message] of table) {
      await env.until('the condition', () => condition(ns, name, 'AbleToScale'));
      assert.equal(
        await condition(ns, name, 'AbleToScale'),
        `False FailedGetScale: the HPA controller was unable to get the target's current scale: ${message}`,
      );
    }
    const messages = await env.until('the events', async () => {
      const found = new Set(await eventMessages(ns, 'FailedGetScale'));
      return found.size === table.length && found;
    });
    assert.deepEqual([...messages].sort(), table.map(([, , message]) => message).sort());
  });

  it('says which metrics are not there', async () => {
    const ns = await env.namespace();
    await workload(ns, 'silent', 1);
    const unable = 'the HPA was unable to compute the replica count: ';
    const average = { type: 'AverageValue', averageValue: '1' };
    const table: [metric: MetricSpec, reason: string, message: string][] = [
      [
        byCpu(50),
        'FailedGetResourceMetric',
        'failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API',
      ],
      [
        { type: 'Pods', pods: { metric: { name: 'qps' }, target: average } },
        'FailedGetPodsMetric',
        'unable to get metric qps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered',
      ],
      [
        {
          type: 'Object',
          object: {
            metric: { name: 'qps' },
            describedObject: { apiVersion: 'v1', kind: 'Service', name: 's' },
            target: { type: 'Value', value: '1' },
          },
        },
        'FailedGetObjectMetric',
        `unable to get metric qps on Service ${ns}/s: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered`,
      ],
      [
        { type: 'External', external: { metric: { name: 'queue' }, target: average } },
        'FailedGetExternalMetric',
        `unable to get external metric ${ns}/queue/nil: unable to fetch metrics from external metrics API: the server could not find the requested resource (get queue.external.metrics.k8s.io)`,
      ],
    ];
    await autoscaler(ns, 'silent', { metrics: [table[0]![0]] });
    for (const [metric, reason, message] of table) {
      await env.client.patch(gvr.horizontalpodautoscalers, ns, 'silent', MERGE, { spec: { metrics: [metric] } });
      const expected = `False ${reason}: ${unable}${message}`;
      let last: string | undefined;
      await env
        .until(reason, async () => (last = await condition(ns, 'silent', 'ScalingActive')) === expected)
        .catch(() => assert.equal(last, expected));
      await env.until('the event', async () => (await eventMessages(ns, reason)).includes(message));
    }
    const messages = await eventMessages(ns, 'FailedComputeMetricsReplicas');
    assert.ok(
      messages.some((text) => text.startsWith('invalid metrics (1 invalid out of 1), first error is: failed to get')),
      messages.join('\n'),
    );
    assert.equal(await replicasOf(ns, 'silent'), 1);
    const v1 = await env.client.get(gvr.horizontalpodautoscalersV1, ns, 'silent');
    const told = JSON.parse(v1.metadata.annotations!['autoscaling.alpha.kubernetes.io/conditions']!);
    assert.ok(
      told.some(
        (item: { type: string; reason: string }) =>
          item.type === 'ScalingActive' && item.reason === 'FailedGetExternalMetric',
      ),
    );
  });

  it('does not scale by pods that another autoscaler scales by, too', async () => {
    const ns = await env.namespace();
    load.set('shared', { cores: 0.2, memory: 1 });
    await workload(ns, 'shared', 1);
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shared' };
    for (const name of ['one', 'two']) await autoscaler(ns, name, { scaleTargetRef, metrics: [byCpu(50)] });
    await env.until('the conditions', async () => {
      const found = await Promise.all(['one', 'two'].map((name) => condition(ns, name, 'ScalingActive')));
      return found.some((text) => text?.startsWith('False AmbiguousSelector'));
    });
    const text = `pods by selector app=shared are controlled by more than one HPA (e.g. [{one ${ns}} {two ${ns}}])`;
    await env.until('the event', async () => (await eventMessages(ns, 'AmbiguousSelector')).includes(text));
  });

  it('keeps quiet when nothing changes', async () => {
    const ns = await env.namespace();
    await workload(ns, 'idle', 1);
    await autoscaler(ns, 'idle', { metrics: [byCpu(50)], minReplicas: 1 });
    await env.until('the condition', () => condition(ns, 'idle', 'ScalingActive'));
    const { resourceVersion } = (await get(ns, 'idle')).metadata;
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    assert.equal((await get(ns, 'idle')).metadata.resourceVersion, resourceVersion);
  });
});
