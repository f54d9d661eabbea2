import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakePods } from '../testing/fake-pods.js';
import { resourceMetrics } from './metrics.js';
import { sampleNode } from './node-sample.js';
import { PrometheusText } from './prometheus-text.js';
import { samplePods } from './samples.js';
import { nanoCores, StatsSource } from './stats-source.js';
import { addUp } from './summary.js';

const value = (number: number) => ({ value: number });

function containerStats(id: string, name: string, seconds: number, uid: string) {
  return {
    attributes: {
      id,
      metadata: { name, attempt: 0 },
      labels: { 'io.kubernetes.pod.uid': uid, 'io.kubernetes.pod.name': 'p' },
    },
    cpu: { timestamp: 1e18, usageCoreNanoSeconds: value(seconds * 1e9), usageNanoCores: null },
    memory: {
      timestamp: 1e18,
      workingSetBytes: value(seconds * 100),
      usageBytes: value(seconds * 200),
      availableBytes: value(0),
    },
    writableLayer: null,
  };
}

describe('samples', () => {
  it('are taken from sandboxes, of running containers only', async () => {
    const pods = new FakePods();
    pods.add('web', { id: 'a' });
    const cri = {
      listPodSandboxStats: async (id: string) => [
        {
          attributes: { id, metadata: { name: 'web', namespace: 'default', uid: 'uid-web', attempt: 0 }, labels: {} },
          linux: {
            ...containerStats('', '', 5, ''),
            network: { timestamp: 2e18, defaultInterface: { name: 'eth0', rxBytes: value(7) }, interfaces: [] },
            containers: [containerStats('a', 'main', 3, 'uid-web'), containerStats('ended', 'setup', 0, 'uid-web')],
          },
        },
      ],
    };
    const [pod] = await samplePods(cri as any, pods, () => 1);
    assert.equal(pod!.sandboxId, 'sandbox-web');
    assert.deepEqual(pod!.usage, {
      time: 1e12,
      cpuNanoseconds: 5e9,
      memory: { usage: 1000, workingSet: 500, rss: 0, pageFaults: 0, majorPageFaults: 0 },
    });
    assert.deepEqual(
      pod!.containers.map(({ name, cpuNanoseconds }) => [name, cpuNanoseconds]),
      [['main', 3e9]],
    );
    assert.deepEqual(
      [pod!.network?.main?.name, pod!.network?.main?.rxBytes, pod!.network?.main?.txErrors],
      ['eth0', 7, 0],
    );
  });

  it('are put together from containers where the runtime measures no sandboxes', async () => {
    const pods = new FakePods();
    pods.add('web', { id: 'a' });
    const cri = {
      listPodSandboxStats: async () => Promise.reject(new Error('unimplemented')),
      listContainerStats: async () => [containerStats('a', 'main', 3, 'uid-web'), containerStats('b', 'x', 1, '')],
    };
    const samples = await samplePods(cri as any, pods, () => 1);
    assert.deepEqual(
      samples.map(({ uid, containers }) => [uid, containers.length]),
      [['uid-web', 1]],
    );
  });

  it('of the node come from /proc', async () => {
    const root = mkdtempSync(join(tmpdir(), 'berth-proc-'));
    mkdirSync(join(root, '1/net'), { recursive: true });
    mkdirSync(join(root, 'net'));
    const file = (name: string, text: string) => writeFileSync(join(root, name), text);
    file('stat', 'cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1\nbtime 1700000000\n');
    file(
      'meminfo',
      'MemTotal: 1000 kB\nMemFree: 400 kB\nInactive(file): 100 kB\nAnonPages: 50 kB\nSwapTotal: 10 kB\nSwapFree: 4 kB\n',
    );
    file('vmstat', 'pgfault 11\npgmajfault 3\n');
    file(
      '1/net/dev',
      'head\nhead\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth1: 5 1 2 0 0 0 0 0 6 1 3 0 0 0 0 0\nveth9: 9\n',
    );
    file('net/route', 'Iface\tDestination\neth1\t00000000\n');
    const sample = await sampleNode(() => 42, root);
    rmSync(root, { recursive: true });
    assert.deepEqual(sample, {
      time: 42,
      cpuNanoseconds: 171 * 1e7,
      memory: { usage: 614400, workingSet: 512000, rss: 51200, pageFaults: 11, majorPageFaults: 3, available: 512000 },
      swap: { available: 4096, usage: 6144 },
      bootTime: 1_700_000_000_000,
      network: {
        main: { name: 'eth1', rxBytes: 5, rxErrors: 2, txBytes: 6, txErrors: 3 },
        all: [{ name: 'eth1', rxBytes: 5, rxErrors: 2, txBytes: 6, txErrors: 3 }],
      },
    });
  });

  it('are shared for a moment, and paired for rates', async () => {
    let now = 1000;
    const source = new StatsSource({} as any, new FakePods(), () => now);
    const first = await source.current();
    assert.equal(await source.current(), first);
    now += 5000;
    const { current, earlier } = await source.pair();
    assert.equal(earlier, first);
    assert.equal(current.time, 6000);
    now += 600_000;
    const later = await source.pair();
    assert.notEqual(later.earlier, current);
  });
});

describe('rates', () => {
  it('are billionths of a core, and unknown when counters do not tell', () => {
    const at = (time: number, cpuNanoseconds: number) => ({ time, cpuNanoseconds });
    assert.equal(nanoCores(at(2000, 3e9), at(1000, 2.5e9)), 5e8);
    assert.equal(nanoCores(at(2000, 1), undefined), undefined);
    assert.equal(nanoCores(at(2000, 1), at(2000, 0)), undefined);
    assert.equal(nanoCores(at(2000, 1), at(1000, 5)), undefined);
  });

  it('of a pod may be the sum of its containers', () => {
    const memory = { usage: 1, workingSet: 2, rss: 3, pageFaults: 4, majorPageFaults: 5, available: 6 };
    const container = { id: 'a', name: 'a', time: 10, cpuNanoseconds: 7, memory };
    const { available: _, ...rest } = memory;
    const doubled = Object.fromEntries(Object.entries(rest).map(([key, number]) => [key, number * 2]));
    assert.deepEqual(addUp([container, { ...container, time: 12 }]), { time: 12, cpuNanoseconds: 14, memory: doubled });
    assert.equal(addUp([]), undefined);
    assert.equal(memory.usage, 1);
  });
});

describe('metrics', () => {
  it('escape label values and leave out empty families', () => {
    const text = new PrometheusText();
    text.add({ name: 'none', type: 'gauge', help: 'x' }, []);
    text.add({ name: 'some', type: 'counter', help: 'Help' }, [{ labels: { a: 'q"\\\n' }, value: 1.5, time: 3.4 }]);
    assert.equal(text.toString(), '# HELP some Help\n# TYPE some counter\nsome{a="q\\"\\\\\\n"} 1.5 3\n');
  });

  it('say so when nothing could be read', () => {
    const text = resourceMetrics({ pods: new FakePods() } as any, undefined);
    assert.match(text, /^resource_scrape_error 1$/m);
  });
});
