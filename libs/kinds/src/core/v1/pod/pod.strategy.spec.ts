import assert from 'node:assert/strict';
import { created, given, updated } from '../../../testing/spec-support.js';
import { podStrategy } from './pod.strategy.js';
import { podQosClass } from './pod-qos.js';

const containers = [{ name: 'c', image: 'i' }];

describe('a pod', () => {
  it('begins pending, with its class and generation', () => {
    const pod = created('v1/pods', { spec: { containers }, status: { phase: 'Running', podIP: '1.2.3.4' } });
    assert.deepEqual(pod['status'], { phase: 'Pending', qosClass: 'BestEffort' });
    assert.equal(pod.metadata.generation, 1);
  });

  it('says that gates hold it', () => {
    const pod = created('v1/pods', { spec: { containers, schedulingGates: [{ name: 'g' }] } });
    assert.equal(pod['status'].conditions[0].reason, 'SchedulingGated');
  });

  it('turns label keys into requirements on its own labels', () => {
    const constraint = {
      maxSkew: 1,
      topologyKey: 'zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: {},
      matchLabelKeys: ['rev', 'none'],
    };
    const pod = created('v1/pods', {
      metadata: { labels: { rev: '7' } },
      spec: { containers, topologySpreadConstraints: [constraint] },
    });
    assert.deepEqual(pod['spec'].topologySpreadConstraints[0].labelSelector, {
      matchExpressions: [{ key: 'rev', operator: 'In', values: ['7'] }],
    });
  });

  it('completes pod-level resources from its containers', () => {
    const two = [
      { name: 'a', image: 'i', resources: { requests: { cpu: '100m' } } },
      { name: 'b', image: 'i', resources: { requests: { cpu: '200m' } } },
    ];
    const pod = created('v1/pods', { spec: { containers: two, resources: { limits: { memory: '1Gi' } } } });
    assert.deepEqual(pod['spec'].resources, { limits: { memory: '1Gi' }, requests: { cpu: '300m', memory: '1Gi' } });
  });

  it('keeps class, observed generations and owners on status updates', () => {
    const body = {
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u' }] },
      spec: { containers },
    };
    const { object } = updated(
      'v1/pods',
      body,
      (pod) => {
        delete pod.metadata.ownerReferences;
        pod.status = { phase: 'Running' };
        pod.spec.nodeName = 'sneaky';
      },
      'status',
    );
    assert.equal(object.status.qosClass, 'BestEffort');
    assert.equal(object.spec.nodeName, undefined);
    assert.equal(object.metadata.ownerReferences.length, 1);
  });

  it('takes only ephemeral containers, or only resources, from their endpoints', () => {
    const change = (pod: any): void => {
      pod.metadata.labels = { x: 'y' };
      pod.spec.ephemeralContainers = [{ name: 'e', image: 'i' }];
      pod.spec.containers[0].image = 'j';
      pod.spec.containers[0].resources = { requests: { cpu: '1' } };
    };
    const debugged = updated('v1/pods', { spec: { containers } }, change, 'ephemeralcontainers').object;
    assert.deepEqual(
      [
        debugged.metadata.labels,
        debugged.spec.containers[0].image,
        debugged.spec.ephemeralContainers.length,
        debugged.metadata.generation,
      ],
      [undefined, 'i', 1, 2],
    );
    const resized = updated('v1/pods', { spec: { containers } }, change, 'resize').object;
    assert.deepEqual(
      [resized.spec.containers[0].image, resized.spec.containers[0].resources, resized.spec.ephemeralContainers],
      ['i', { requests: { cpu: '1' } }, undefined],
    );
  });

  it('goes at once when it has no node or is finished', () => {
    const grace = (body: object, requested?: number): number | undefined =>
      podStrategy.gracePeriodSeconds?.(given('v1/pods', body as Record<string, unknown>), requested);
    assert.equal(grace({ spec: { containers } }, 60), 0);
    assert.equal(grace({ spec: { containers, nodeName: 'n' } }), 30);
    assert.equal(grace({ spec: { containers, nodeName: 'n' } }, 5), 5);
    assert.equal(grace({ spec: { containers, nodeName: 'n' }, status: { phase: 'Failed' } }, 5), 0);
  });
});

describe('the class of a pod', () => {
  const full = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } };
  const rows: [resources: object[], expected: string][] = [
    [[{}], 'BestEffort'],
    [[full], 'Guaranteed'],
    [[full, {}], 'Burstable'],
    [[{ requests: { cpu: '1' } }], 'Burstable'],
    [[{ limits: { cpu: '1' }, requests: { cpu: '1' } }], 'Burstable'],
    [[{ requests: { 'x.io/y': '1' } }], 'BestEffort'],
  ];
  for (const [resources, expected] of rows) {
    it(`${JSON.stringify(resources)} is ${expected}`, () => {
      const spec = { containers: resources.map((item, i) => ({ name: `c${i}`, resources: item })) };
      assert.equal(podQosClass(spec as any), expected);
    });
  }
});
