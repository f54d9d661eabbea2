import assert from 'node:assert/strict';
import { type UsagePoint, UsagePoints, type UsageSample } from './usage-points.js';
import { readUsage } from './usage-text.js';

const sample = (node: UsagePoint | undefined, containers: Record<string, UsagePoint> = {}): UsageSample => ({
  node,
  pods: new Map([['default/web', new Map(Object.entries(containers))]]),
});
const at = (seconds: number, cpu: number, started = 0): UsagePoint => ({
  cpu,
  memory: 1024,
  time: seconds * 1000,
  started: started * 1000,
});

describe('usage from two points', () => {
  test('is the CPU time between them over their distance, and the last memory', () => {
    const points = new UsagePoints(15_000);
    points.store('n', sample(at(100, 10)));
    assert.equal(points.node('n'), undefined);
    points.store('n', sample({ ...at(115, 13), memory: 2048 }));
    assert.deepEqual(points.node('n'), { nanoCores: 200_000_000, memory: 2048, time: 115_000, window: 15_000 });
    points.keep(new Set());
    assert.equal(points.node('n'), undefined);
  });

  test('a sample that is served twice changes nothing', () => {
    const points = new UsagePoints(15_000);
    points.store('n', sample(at(100, 10), { c: at(100, 1) }));
    points.store('n', sample(at(115, 13), { c: at(115, 4) }));
    points.store('n', sample(at(115, 13), { c: at(115, 4) }));
    assert.equal(points.node('n')?.nanoCores, 200_000_000);
    assert.equal(points.pod('n', 'default/web')?.[0]?.nanoCores, 200_000_000);
  });

  const table: [what: string, first: Record<string, UsagePoint>, second: Record<string, UsagePoint>, cores: unknown][] =
    [
      ['two containers', { a: at(100, 1), b: at(100, 2) }, { a: at(110, 2), b: at(110, 4) }, { a: 0.1, b: 0.2 }],
      ['a container that the first does not have', { a: at(100, 1) }, { a: at(110, 2), b: at(110, 4) }, undefined],
      ['a container that is no longer there', { a: at(100, 1), b: at(100, 2) }, { a: at(110, 2) }, { a: 0.1 }],
      ['a restarted container', { a: at(100, 50) }, { a: at(110, 1, 105) }, undefined],
      ['a container that runs since ten seconds', {}, { a: at(110, 1, 100) }, { a: 0.1 }],
      ['a container that runs since nine', {}, { a: at(110, 1, 101) }, undefined],
      ['a container that has run for an interval', {}, { a: at(115, 1, 100) }, undefined],
      ['figures that go back', { a: at(100, 5), b: at(100, 1) }, { a: at(110, 4), b: at(110, 2) }, { b: 0.1 }],
    ];
  for (const [what, first, second, cores] of table) {
    test(`of a pod: ${what}`, () => {
      const points = new UsagePoints(15_000);
      points.store('n', sample(undefined, first));
      points.store('n', sample(undefined, second));
      const usage = points.pod('n', 'default/web');
      const found = usage && Object.fromEntries(usage.map(({ name, nanoCores }) => [name, nanoCores / 1e9]));
      assert.deepEqual(found, cores);
    });
  }
});

test("an agent's text is read by its labels, and incomplete figures are left out", () => {
  const text = [
    '# HELP container_cpu_usage_seconds_total CPU time',
    '# TYPE container_cpu_usage_seconds_total counter',
    'container_cpu_usage_seconds_total{container="c",namespace="ns",pod="web"} 1.5e0 1700000000123',
    'container_cpu_usage_seconds_total{container="odd \\"one\\"",namespace="ns",pod="web"} 2 1700000000123',
    'container_memory_working_set_bytes{container="c",namespace="ns",pod="web"} 4096 1700000000123',
    'container_memory_working_set_bytes{container="odd \\"one\\"",namespace="ns",pod="web"} 1 1700000000123',
    'container_memory_working_set_bytes{container="only memory",namespace="ns",pod="web"} 1 1700000000123',
    'container_start_time_seconds{container="c",namespace="ns",pod="web"} 1699999999.5',
    'node_cpu_usage_seconds_total 100 1700000000100',
    'node_memory_working_set_bytes 8192 1700000000100',
    'resource_scrape_error 0',
    `container_cpu_usage_seconds_total{container="${'long'.repeat(1000)}",namespace="ns",pod="web"} 1 1700000000123`,
    `container_cpu_usage_seconds_total{${'word'.repeat(400)}} 1 1700000000123`,
    'node_memory_working_set_bytes NaN',
    '',
  ].join('\n');
  const { node, pods } = readUsage(text);
  assert.deepEqual(node, { cpu: 100, memory: 8192, time: 1_700_000_000_100, started: undefined });
  assert.deepEqual([...pods.keys()], ['ns/web']);
  const containers = pods.get('ns/web')!;
  assert.deepEqual([...containers.keys()], ['c', 'odd "one"']);
  assert.deepEqual(containers.get('c'), {
    cpu: 1.5,
    memory: 4096,
    time: 1_700_000_000_123,
    started: 1_699_999_999_500,
  });
});

test('what a node in wrong hands says costs no more than what others say', () => {
  const family = 'container_start_time_seconds';
  const costOf = (line: string) => {
    const text = `${line}\n`.repeat(Math.ceil(400_000 / line.length));
    readUsage(text);
    const began = process.cpuUsage();
    readUsage(text);
    const { user, system } = process.cpuUsage(began);
    return user + system;
  };
  const honest = costOf(`${family}{container="c",namespace="default",pod="web-abc"} 1 1700000000000`);
  for (const labels of [
    'b'.repeat(1900),
    'b="'.repeat(600),
    '} '.repeat(900),
    ',b="\\'.repeat(400),
    '} 1'.repeat(600),
  ]) {
    const cost = costOf(`${family}{${labels}} 1 1`);
    assert.ok(cost < 5 * honest + 20_000, `${cost} µs for ${labels.slice(0, 9)}, ${honest} µs for others`);
  }
});
