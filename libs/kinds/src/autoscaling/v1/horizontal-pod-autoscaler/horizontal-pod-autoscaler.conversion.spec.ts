import assert from 'node:assert/strict';
import { given } from '../../../testing/spec-support.js';
import { hpaFromStorage, hpaToStorage } from './horizontal-pod-autoscaler.conversion.js';

const scaleTargetRef = { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' };
const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } };
const pods = { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } };
const external = {
  type: 'External',
  external: { metric: { name: 'q', selector: { matchLabels: { a: 'b' } } }, target: { type: 'Value', value: '30' } },
};
const perContainer = {
  type: 'ContainerResource',
  containerResource: { name: 'memory', container: 'c', target: { type: 'AverageValue', averageValue: '1Gi' } },
};

const v2 = given('autoscaling/v2/horizontalpodautoscalers', {
  metadata: { annotations: { mine: 'x' } },
  spec: {
    scaleTargetRef,
    maxReplicas: 5,
    metrics: [cpu, pods, external, perContainer],
    behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
  },
  status: {
    currentReplicas: 2,
    desiredReplicas: 3,
    currentMetrics: [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 55, averageValue: '100m' } } },
    ],
    conditions: [{ type: 'AbleToScale', status: 'True' }],
  },
});

describe('a v1 autoscaler', () => {
  it('shows the CPU target in its field and the rest in annotations', () => {
    const v1 = hpaFromStorage(v2);
    assert.equal(v1['spec'].targetCPUUtilizationPercentage, 60);
    assert.equal(v1['status'].currentCPUUtilizationPercentage, 55);
    assert.equal(v1['spec'].metrics, undefined);
    const annotations = v1.metadata.annotations!;
    assert.deepEqual(JSON.parse(annotations['autoscaling.alpha.kubernetes.io/metrics']!)[0], {
      type: 'Pods',
      pods: { metricName: 'rps', targetAverageValue: '10' },
    });
    assert.equal(
      JSON.parse(annotations['autoscaling.alpha.kubernetes.io/behavior']!).ScaleDown.StabilizationWindowSeconds,
      60,
    );
    assert.equal(annotations['mine'], 'x');
  });

  it('loses nothing on the way there and back, but the place of the CPU metric', () => {
    const back = hpaToStorage(hpaFromStorage(v2));
    assert.deepEqual(back['spec'].metrics, [pods, external, perContainer, cpu]);
    assert.deepEqual({ ...back['spec'], metrics: v2['spec'].metrics }, v2['spec']);
    assert.deepEqual(back['status'], v2['status']);
    assert.deepEqual(back.metadata, v2.metadata);
  });

  it('gets the usual CPU target when it names none', () => {
    const v1 = given('autoscaling/v1/horizontalpodautoscalers', { spec: { scaleTargetRef, maxReplicas: 2 } });
    assert.equal(hpaToStorage(v1)['spec'].metrics[0].resource.target.averageUtilization, 80);
  });

  it('ignores annotations that are damaged', () => {
    const v1 = given('autoscaling/v1/horizontalpodautoscalers', {
      metadata: {
        annotations: {
          'autoscaling.alpha.kubernetes.io/metrics': '{',
          'autoscaling.alpha.kubernetes.io/behavior': '[]',
        },
      },
      spec: { scaleTargetRef, maxReplicas: 2, targetCPUUtilizationPercentage: 10 },
    });
    const stored = hpaToStorage(v1);
    assert.deepEqual(
      [stored['spec'].metrics.length, stored['spec'].behavior, stored.metadata.annotations],
      [1, undefined, undefined],
    );
  });
});
