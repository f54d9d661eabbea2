import assert from 'node:assert/strict';
import { gvr, type Node, type PersistentVolume, type PersistentVolumeClaim, type StorageClass } from '#kinds';
import type { SchedCore } from '#native/sched-core';
import { loopContext } from '#testing';
import { EventSink } from './event-sink.js';
import { createSchedCore, nativePlugins } from './native.js';
import { Scheduler } from './scheduler.js';
import { SchedulerMetrics } from './scheduler-metrics.js';
import { eventually, MemoryApi, node, pod } from './testing/memory-api.js';

describe('a scheduler whose core breaks', () => {
  it('makes a new core, tells it everything, and leaves alone only the pod that breaks it', async () => {
    const api = new MemoryApi();
    const abort = new AbortController();
    const context = loopContext(api.client);
    const { informers, clock, logger, metrics } = context;
    const core = (resource: string) => informers.for({ group: '', version: 'v1', resource });
    let cores = 0;
    const scheduler = new Scheduler({
      ...context,
      client: api.client,
      createCore: () => {
        cores++;
        return breakingAt(createSchedCore(1), '666m');
      },
      plugins: nativePlugins(),
      metrics: new SchedulerMetrics(metrics, 'default-scheduler'),
      events: new EventSink({
        client: api.client,
        clock,
        logger,
        controller: 'c',
        instance: 'i',
      }),
      pods: core('pods'),
      nodes: informers.for<Node>(gvr.nodes),
      claims: informers.for<PersistentVolumeClaim>(gvr.persistentvolumeclaims),
      volumes: informers.for<PersistentVolume>(gvr.persistentvolumes),
      classes: informers.for<StorageClass>(gvr.storageclasses),
      namespaces: core('namespaces'),
      schedulerName: 'default-scheduler',
    });
    api.put('nodes', node('a', { cpu: '4' }));
    api.put('pods', { ...pod('running', '2'), spec: { ...pod('running', '2').spec, nodeName: 'a' } });
    for (const name of ['first', 'second', 'third']) api.put('pods', pod(name));
    api.put('pods', pod('culprit', '666m'));
    informers.start(abort.signal);
    const running = scheduler.run(abort.signal);
    const bound = () => ['first', 'second', 'third'].filter((name) => api.pod(name).spec.nodeName === 'a');
    await eventually('two pods bound', () => bound().length === 2);
    await eventually('the third rejected', () =>
      ['first', 'second', 'third'].some((name) => api.pod(name).status.conditions?.[0]?.reason === 'Unschedulable'),
    );
    assert.equal(bound().length, 2, 'the new core knows the node and what runs there');
    assert.equal(api.pod('culprit').spec.nodeName, undefined);
    assert.ok(cores > 1);
    abort.abort();
    await running;
  });
});

/** A core that breaks, as after a panic, when it is to decide a pod with this request. */
function breakingAt(core: SchedCore, cpu: string): SchedCore {
  const deadly = new Set<number>();
  let broken = false;
  const overrides: Partial<SchedCore> = {
    defineSpec: (id, text) => {
      if (text.includes(cpu)) deadly.add(id);
      else deadly.delete(id);
      core.defineSpec(id, text);
    },
    schedule: (pods) => {
      broken ||= pods.some((spec, index) => index % 2 === 1 && deadly.has(spec));
      return broken ? Promise.reject(new Error("the scheduler's core must be rebuilt")) : core.schedule(pods);
    },
  };
  return new Proxy(core, {
    get: (_, name) => {
      if (name === 'broken') return broken;
      return (overrides as any)[name] ?? (core as any)[name].bind(core);
    },
  });
}
