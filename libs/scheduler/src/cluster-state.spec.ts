import assert from 'node:assert/strict';
import type { SchedCore } from '#native/sched-core';
import { ClusterEvent } from './cluster-event.js';
import { ClusterState } from './cluster-state.js';
import { podProjection } from './projection.js';

type Call = [method: string, ...values: unknown[]];

function recorder(calls: Call[]): SchedCore {
  const record = (method: string) => (value: unknown, other: unknown, third: unknown) => {
    calls.push([method, value, ...(method === 'assign' ? [other, third] : [])]);
  };
  return new Proxy({}, { get: (_, method) => record(String(method)) }) as SchedCore;
}

function node(
  name: string,
  changes: { labels?: object; cpu?: string; heartbeat?: string; unschedulable?: boolean } = {},
) {
  const { labels = {}, cpu = '4', heartbeat = '', unschedulable } = changes;
  const status = { allocatable: { cpu }, conditions: [{ type: 'Ready', lastHeartbeatTime: heartbeat }] };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { ...labels } }, spec: { unschedulable }, status };
}

function pod(uid: string, nodeName?: string, changes: { cpu?: string; phase?: string; generation?: number } = {}) {
  const { cpu = '1', phase = 'Pending', generation = 1 } = changes;
  const spec = { nodeName, containers: [{ name: 'main', resources: { requests: { cpu } } }] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: uid, namespace: 'default', uid, generation, creationTimestamp: '2030-01-01T00:00:00Z' },
    spec,
    status: { phase },
  };
}

describe('cluster state', () => {
  let calls: Call[];
  let state: ClusterState;
  const methods = () => calls.splice(0).map(([method]) => method);

  beforeEach(() => {
    calls = [];
    state = new ClusterState(recorder(calls), podProjection(['containers']));
  });

  it('passes on only what scheduling reads of a node', () => {
    assert.equal(state.setNode(node('a')), ClusterEvent.NodeAdd);
    assert.deepEqual(methods(), ['upsertNode']);
    assert.equal(state.setNode(node('a', { heartbeat: 'later' })), 0);
    assert.deepEqual(methods(), []);
    assert.equal(state.setNode(node('a', { cpu: '8' })), ClusterEvent.NodeAllocatable);
    assert.equal(state.setNode(node('a', { cpu: '8', labels: { x: 'y' } })), ClusterEvent.NodeLabel);
    const both = node('a', { cpu: '4', labels: { x: 'y' }, unschedulable: true });
    assert.equal(state.setNode(both), ClusterEvent.NodeAllocatable | ClusterEvent.NodeTaint);
    assert.deepEqual(methods(), ['upsertNode', 'upsertNode', 'upsertNode']);
    assert.equal(state.removeNode('a'), ClusterEvent.NodeDelete);
    assert.equal(state.nodeCount, 0);
  });

  it('tells a spec once, and forgets it with its last pod', () => {
    state.setPod(pod('x'));
    state.setPod(pod('y'));
    state.setPod(pod('z', undefined, { cpu: '2' }));
    assert.deepEqual(methods(), ['defineSpec', 'defineSpec']);
    state.removePod('x');
    assert.deepEqual(methods(), ['release']);
    state.removePod('y');
    assert.deepEqual(methods(), ['release', 'dropSpec']);
  });

  it('takes the confirmation of its own choice in silence', () => {
    state.setNode(node('a'));
    const { entry } = state.setPod(pod('x'));
    methods();
    assert.equal(state.assume(entry, 0), 'a');
    assert.equal(state.setPod(pod('x', 'a')).events, ClusterEvent.AssignedPodAdd);
    assert.equal(state.setPod(pod('x', 'a', { phase: 'Running' })).events, 0);
    assert.deepEqual(methods(), []);
    state.forget(entry);
    assert.deepEqual(methods(), [], 'confirmed: nothing to take back');
  });

  it('follows the API where it placed the pod elsewhere', () => {
    state.setNode(node('a'));
    const { entry } = state.setPod(pod('x'));
    state.assume(entry, 0);
    methods();
    state.setPod(pod('x', 'b'));
    assert.deepEqual(calls.at(-1)?.slice(0, 4), ['assign', entry.handle, entry.spec.id, 1]);
    assert.equal(state.removePod('x'), ClusterEvent.AssignedPodDelete);
  });

  it('tells a resize from a change of labels', () => {
    state.setPod(pod('x', 'a'));
    const labelled = pod('x', 'a');
    Object.assign(labelled.metadata, { labels: { app: 'y' } });
    assert.equal(state.setPod(labelled).events, ClusterEvent.AssignedPodUpdate);
    const resized = pod('x', 'a', { cpu: '2', generation: 2 });
    Object.assign(resized.metadata, { labels: { app: 'y' } });
    assert.equal(state.setPod(resized).events, ClusterEvent.AssignedPodResize);
  });

  it('does not give numbers away while a batch may name them', () => {
    state.setNode(node('a'));
    const first = state.setPod(pod('x', 'a')).entry.handle;
    state.removePod('x');
    state.removeNode('a');
    state.setNode(node('b'));
    const second = state.setPod(pod('y')).entry.handle;
    assert.notEqual(first, second);
    assert.equal(state.nodeOf(0), 'a');
    assert.equal(state.podOf(first), undefined);
    state.settle();
    assert.equal(state.nodeOf(0), undefined);
    assert.equal(state.setPod(pod('z')).entry.handle, first);
  });

  it('tells a new core all that the one before was told', () => {
    state.setNamespace({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kept', labels: { a: 'b' } } });
    state.setNamespace({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'gone' } });
    state.removeNamespace('gone');
    state.setNode(node('a'));
    state.setNode(node('b'));
    state.removeNode('b');
    const assumed = state.setPod(pod('assumed')).entry;
    state.assume(assumed, 0);
    const bound = state.setPod(pod('bound', 'a', { cpu: '2' })).entry;
    state.setPod(pod('waiting'));
    const nominated = state.setPod({ ...pod('nominated'), status: { nominatedNodeName: 'a' } }).entry;
    state.setPod(pod('ended', 'a', { cpu: '3' }));
    state.removePod('ended');
    const again: Call[] = [];
    state.rebuild(recorder(again));
    assert.deepEqual(
      again.map(([method, value]) => [method, method === 'upsertNode' ? state.nodeOf(value as number) : value]),
      [
        ['setNamespace', 'kept'],
        ['upsertNode', 'a'],
        ['defineSpec', assumed.spec.id],
        ['defineSpec', bound.spec.id],
        ['assign', assumed.handle],
        ['assign', bound.handle],
        ['nominate', nominated.handle],
      ],
    );
    calls.length = 0;
    state.removeNode('a');
    assert.deepEqual(calls, [], 'the core before hears no more');
    assert.equal(again.at(-1)?.[0], 'removeNode');
  });
});
