import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { Expectations, Informer, SharedInformers, silentLogger } from '#client';
import { gvr, type Node, type Pod, type ReplicaSet } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { buildPod, FakeClock, MemoryClient } from '#testing';
import type { Controller, ControllerRuntime } from './context.js';
import { controller, joined } from './controller.js';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

function world() {
  const client = new MemoryClient();
  const clock = new FakeClock();
  const informers = new SharedInformers(client, { clock, logger: silentLogger });
  const metrics = new MetricsRegistry();
  const runtime = { client, clock, informers, logger: silentLogger, metrics } as unknown as ControllerRuntime;
  const keys: string[] = [];
  const note = async (key: string) => {
    keys.push(key);
    return undefined;
  };
  /** What was looked at since it was asked last, in order of text. */
  const looked = async () => {
    await clock.advance(0);
    return keys.splice(0).sort();
  };
  const start = async (made: Controller): Promise<void> => {
    informers.start(stop.signal);
    void made.run(stop.signal).catch(() => {});
    await clock.advance(0);
  };
  return { client, clock, runtime, metrics, note, looked, start };
}

const set = (name: string, labels: Record<string, string>): ReplicaSet =>
  ({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { namespace: 'default', name, uid: `uid-${name}` },
    spec: { selector: { matchLabels: labels } },
  }) as ReplicaSet;
const owned = (name: string, owner: string, more: object = {}) =>
  buildPod({ name, owner: { uid: `uid-${owner}`, name: owner }, ...more });

describe('watchesEach', () => {
  it('follows sources that come later, and tells of the objects of one that goes', async () => {
    const { client, runtime, note, looked, start } = world();
    const [pods, sets] = [runtime.informers.for(gvr.pods), runtime.informers.for(gvr.replicasets)];
    let current = [pods];
    const listeners = new Set<() => void>();
    const change = (to: typeof current) => {
      current = to;
      for (const listener of listeners) listener();
    };
    const sources = {
      current: () => current,
      onChange: (listener: () => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const told = (event: string) => (object: KubeObject) => `${event} ${object.metadata.name}`;
    const map = { add: told('add'), update: told('update'), delete: told('delete') };
    client.put(gvr.pods, owned('p', 'a'));
    client.put(gvr.replicasets, set('a', {}));
    await start(controller('test', runtime).watchesEach(sources, map).reconcile(note));
    assert.deepEqual(await looked(), ['add p']);
    change([pods, sets]);
    assert.deepEqual(await looked(), ['add a']);
    change([sets]);
    assert.deepEqual(await looked(), ['delete p']);
    client.put(gvr.pods, owned('p2', 'a'));
    client.put(gvr.replicasets, set('b', {}));
    assert.deepEqual(await looked(), ['add b']);
    stop.abort();
    await looked();
    assert.equal(listeners.size, 0);
  });

  it('takes no object for gone while the informer of another version has not listed', async () => {
    const { client, clock, runtime, note, looked, start } = world();
    const newer = { ...gvr.replicasets, version: 'v2' };
    const [before, after] = [
      runtime.informers.for(gvr.replicasets),
      new Informer(newer, { client, clock, random: Math.random, logger: silentLogger }),
    ];
    let current = [before];
    let change = () => {};
    const sources = {
      current: () => current,
      onChange: (listener: () => void) => {
        change = listener;
        return () => {};
      },
    };
    const told = (event: string) => (object: KubeObject) => `${event} ${object.metadata.name}`;
    const map = { add: told('add'), update: told('update'), delete: told('delete') };
    for (const name of ['a', 'b']) client.put(gvr.replicasets, set(name, {}));
    await start(controller('test', runtime).watchesEach(sources, map).reconcile(note));
    assert.deepEqual(await looked(), ['add a', 'add b']);
    current = [after];
    change();
    assert.deepEqual(await looked(), []);
    client.remove(gvr.replicasets, 'default', 'b');
    void after.run(stop.signal).catch(() => {});
    assert.deepEqual(await looked(), ['add a', 'delete b']);
  });
});

describe('for', () => {
  it('looks at each object at the start, when it changes and when it goes', async () => {
    const { client, runtime, note, looked, start } = world();
    client.put(gvr.replicasets, set('a', {}));
    await start(controller('test', runtime).for<ReplicaSet>(gvr.replicasets).reconcile(note));
    assert.deepEqual(await looked(), ['default/a']);
    client.put(gvr.replicasets, set('a', {}));
    assert.deepEqual(await looked(), ['default/a']);
    client.remove(gvr.replicasets, 'default', 'a');
    assert.deepEqual(await looked(), ['default/a']);
  });

  it('leaves out events that `when` does not want, waits for `delay`, and lets `observe` see all', async () => {
    const { client, clock, runtime, note, looked, start } = world();
    const seen: string[] = [];
    const wanted = {
      when: (pod: Pod) => pod.spec.nodeName !== undefined,
      delay: 100,
      observe: { add: (pod: Pod) => seen.push(pod.metadata.name!) },
    };
    await start(controller('test', runtime).for<Pod>(gvr.pods, wanted).reconcile(note));
    client.put(gvr.pods, buildPod({ name: 'placed', node: 'n' }));
    client.put(gvr.pods, buildPod({ name: 'pending' }));
    assert.deepEqual(await looked(), []);
    await clock.advance(100);
    assert.deepEqual(await looked(), ['default/placed']);
    assert.deepEqual(seen, ['placed', 'pending']);
  });
});

describe('owns', () => {
  const owning = (runtime: ControllerRuntime, expectations?: Expectations) =>
    controller('test', runtime)
      .for<ReplicaSet>(gvr.replicasets, { when: () => false })
      .owns<Pod>(gvr.pods, { kind: 'ReplicaSet', selector: (owner) => owner.spec.selector, expectations });

  it('wakes the owner, and the former one when that changes', async () => {
    const { client, runtime, note, looked, start } = world();
    for (const name of ['a', 'b']) client.put(gvr.replicasets, set(name, { app: name }));
    await start(owning(runtime).reconcile(note));
    client.put(gvr.pods, owned('p', 'a'));
    assert.deepEqual(await looked(), ['default/a']);
    client.put(gvr.pods, owned('p', 'b'));
    assert.deepEqual(await looked(), ['default/a', 'default/b']);
    client.remove(gvr.pods, 'default', 'p');
    assert.deepEqual(await looked(), ['default/b']);
  });

  it('wakes nobody for an owner of another kind, or of another uid', async () => {
    const { client, runtime, note, looked, start } = world();
    client.put(gvr.replicasets, set('a', { app: 'a' }));
    await start(owning(runtime).reconcile(note));
    client.put(
      gvr.pods,
      buildPod({ name: 'p', owner: { uid: 'uid-a', name: 'a', kind: 'Job' }, labels: { app: 'a' } }),
    );
    client.put(gvr.pods, buildPod({ name: 'q', owner: { uid: 'former', name: 'a' }, labels: { app: 'a' } }));
    assert.deepEqual(await looked(), []);
  });

  it('wakes those who may adopt an object: when it appears, is let go, or gets other labels', async () => {
    const { client, runtime, note, looked, start } = world();
    for (const name of ['a', 'b']) client.put(gvr.replicasets, set(name, { app: name }));
    await start(owning(runtime).reconcile(note));
    client.put(gvr.pods, buildPod({ name: 'p', labels: { app: 'a' } }));
    assert.deepEqual(await looked(), ['default/a']);
    client.put(gvr.pods, buildPod({ name: 'p', labels: { app: 'a' }, phase: 'Pending' }));
    assert.deepEqual(await looked(), []);
    client.put(gvr.pods, buildPod({ name: 'p', labels: { app: 'b' } }));
    assert.deepEqual(await looked(), ['default/b']);
    client.put(gvr.pods, owned('q', 'a', { labels: { app: 'b' } }));
    assert.deepEqual(await looked(), ['default/a']);
    client.put(gvr.pods, buildPod({ name: 'q', labels: { app: 'b' } }));
    assert.deepEqual(await looked(), ['default/a', 'default/b']);
  });

  it('keeps expectations with what is seen, and forgets them with the owner', async () => {
    const { client, clock, runtime, note, looked, start } = world();
    const expectations = new Expectations(clock);
    client.put(gvr.replicasets, set('a', { app: 'a' }));
    client.put(gvr.pods, owned('old', 'a', { uid: 'uid-old' }));
    await start(owning(runtime, expectations).reconcile(note));
    expectations.expect('default/a', 1, ['uid-old']);
    client.put(gvr.pods, owned('new', 'a'));
    await looked();
    assert.equal(expectations.satisfied('default/a'), false);
    client.put(gvr.pods, owned('old', 'a', { uid: 'uid-old', deleted: '2030-01-01T00:00:00Z' }));
    await looked();
    assert.equal(expectations.satisfied('default/a'), true);
    expectations.expect('default/a', 1, []);
    client.put(gvr.pods, owned('going', 'a', { deleted: '2030-01-01T00:00:00Z' }));
    await looked();
    assert.equal(expectations.satisfied('default/a'), false);
    client.remove(gvr.replicasets, 'default', 'a');
    await looked();
    assert.equal(expectations.satisfied('default/a'), true);
  });
});

describe('watches', () => {
  it('maps events to keys; of a plain function both versions count', async () => {
    const { client, runtime, note, looked, start } = world();
    const made = controller('test', runtime)
      .watches<Pod>(gvr.pods, (pod) => pod.spec.nodeName)
      .watches<Node>(gvr.nodes, { delete: (node) => [node.metadata.name!, 'more'] })
      .reconcile(note);
    await start(made);
    client.put(gvr.pods, buildPod({ name: 'p', node: 'n1' }));
    assert.deepEqual(await looked(), ['n1']);
    client.put(gvr.pods, buildPod({ name: 'p', node: 'n2' }));
    assert.deepEqual(await looked(), ['n1', 'n2']);
    client.put(gvr.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } } as KubeObject);
    assert.deepEqual(await looked(), []);
    client.remove(gvr.nodes, '', 'n1');
    assert.deepEqual(await looked(), ['more', 'n1']);
  });
});

describe('reconcile', () => {
  it('begins when all resources are here, with the keys of `startsWith`, and goes on with those of `every`', async () => {
    const { clock, runtime, note, looked, start } = world();
    const made = controller('test', runtime)
      .reads(gvr.nodes)
      .startsWith(() => ['first'])
      .every(1000, () => ['again'])
      .reconcile(note);
    await start(made);
    assert.deepEqual(await looked(), ['again', 'first']);
    await clock.advance(1000);
    assert.deepEqual(await looked(), ['again']);
  });

  it('tries again what fails, and looks at what it is told to', async () => {
    const { clock, runtime, looked, start, note } = world();
    let failures = 1;
    const made = controller('test', runtime)
      .startsWith(() => ['a'])
      .reconcile(async (key, wake) => {
        if (key === 'a' && failures-- > 0) throw new Error('no');
        if (key === 'a') wake('b');
        return note(key);
      });
    await start(made);
    assert.deepEqual(await looked(), []);
    await clock.advance(10);
    assert.deepEqual(await looked(), ['a', 'b']);
  });

  it('counts its queue under its name', async () => {
    const { runtime, metrics, note, looked, start } = world();
    await start(
      controller('test', runtime)
        .startsWith(() => ['a', 'b'])
        .reconcile(note),
    );
    await looked();
    const sample = metrics.samples().find(({ metricName }) => metricName === 'workqueue_adds_total');
    assert.deepEqual(sample, { metricName: 'workqueue_adds_total', labels: { name: 'test' }, value: 2 });
  });

  it('fails with what its keys fail with, and no longer hears of events then', async () => {
    const { client, clock, runtime, note, looked } = world();
    let broken = false;
    const made = controller('test', runtime)
      .for<Pod>(gvr.pods)
      .every(1000, () => {
        if (broken) throw new Error('cannot tell');
        return [];
      })
      .reconcile(note);
    runtime.informers.start(stop.signal);
    const ended = assert.rejects(made.run(stop.signal), /cannot tell/);
    await looked();
    broken = true;
    await clock.advance(1000);
    await ended;
    client.put(gvr.pods, buildPod());
    assert.deepEqual(await looked(), []);
  });
});

describe('joined controllers', () => {
  it('fail with the first that does, when the others have ended', async () => {
    const log: string[] = [];
    const waits: Controller = {
      name: 'waits',
      async run(signal) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        log.push('ended');
        throw signal.reason;
      },
    };
    const fails: Controller = { name: 'fails', run: () => Promise.reject(new Error('no')) };
    const both = joined(waits, fails);
    assert.equal(both.name, 'waits');
    await assert.rejects(both.run(stop.signal), /^Error: no$/);
    assert.deepEqual(log, ['ended']);
  });
});
