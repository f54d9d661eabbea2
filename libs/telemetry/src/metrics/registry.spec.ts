import assert from 'node:assert/strict';
import { MetricsRegistry } from './registry.js';

function registry() {
  const logged: unknown[] = [];
  return { metrics: new MetricsRegistry({ warn: (_message, fields) => logged.push(fields) }), logged };
}

describe('the metrics registry', () => {
  it('renders counters, gauges and histograms in the text format', async () => {
    const { metrics } = registry();
    const requests = metrics.counter({ name: 'requests_total', help: 'Requests.', labels: { verb: ['GET', 'PUT'] } });
    requests.cell('GET').value += 2;
    requests.cell('PUT').value += 1;
    metrics.gauge({ name: 'depth', help: 'Depth.' }).cell().value = 4;
    const seconds = metrics.histogram({ name: 'seconds', help: 'Seconds.' }, [0.1, 1]).cell();
    for (const value of [0.05, 0.5, 5]) seconds.observe(value);
    const lines = (await metrics.render()).split('\n').filter((line) => line !== '');
    assert.deepEqual(lines, [
      '# HELP requests_total Requests.',
      '# TYPE requests_total counter',
      'requests_total{verb="GET"} 2',
      'requests_total{verb="PUT"} 1',
      '# HELP depth Depth.',
      '# TYPE depth gauge',
      'depth 4',
      '# HELP seconds Seconds.',
      '# TYPE seconds histogram',
      'seconds_bucket{le="0.1"} 1',
      'seconds_bucket{le="1"} 2',
      'seconds_bucket{le="+Inf"} 3',
      'seconds_sum 5.55',
      'seconds_count 3',
    ]);
  });

  it('escapes label values', async () => {
    const { metrics } = registry();
    metrics.counter({ name: 'some', help: 'Help.', labels: { a: 10 } }).cell('q"\\\n').value += 1;
    assert.match(await metrics.render(), /^some\{a="q\\"\\\\\\n"\} 1$/m);
  });

  it('forgets series of what is gone, and takes other values in their place', () => {
    const { metrics, logged } = registry();
    const requests = metrics.counter({ name: 'requests', help: '', labels: { verb: ['GET'], resource: 2 } });
    for (const resource of ['pods', 'nodes']) requests.cell('GET', resource).value += 1;
    requests.drop({ verb: 'GET', resource: 'nodes' });
    requests.cell('GET', 'jobs').value += 1;
    const found = () => metrics.samples().map((sample) => sample.labels['resource']);
    assert.deepEqual([found(), logged.length], [['pods', 'jobs'], 0]);
    requests.clear();
    for (const resource of ['a', 'b']) requests.cell('GET', resource).value += 1;
    assert.deepEqual([found(), logged.length], [['a', 'b'], 0]);
  });

  it('counts values beyond a bound under "other", and says so once', () => {
    const { metrics, logged } = registry();
    const labels = { verb: ['GET'], resource: 2 };
    const requests = metrics.counter({ name: 'requests', help: '', labels });
    for (const [verb, resource] of [
      ['GET', 'pods'],
      ['GET', 'nodes'],
      ['GET', 'jobs'],
      ['GET', 'leases'],
      ['BREW', 'pods'],
      ['other', 'pods'],
    ]) {
      requests.cell(verb!, resource!).value += 1;
    }
    const found = metrics.samples().map((sample) => [...Object.values(sample.labels), sample.value]);
    assert.deepEqual(found, [
      ['GET', 'pods', 1],
      ['GET', 'nodes', 1],
      ['GET', 'other', 2],
      ['other', 'pods', 2],
    ]);
    assert.deepEqual(logged, [
      { metric: 'requests', label: 'resource', value: 'jobs' },
      { metric: 'requests', label: 'verb', value: 'BREW' },
    ]);
  });

  it('gives the same family to who declares it again, and refuses another of its name', () => {
    const { metrics } = registry();
    const declaration = { name: 'some', help: 'Help.', labels: { a: 10 } };
    assert.equal(metrics.counter(declaration), metrics.counter(declaration));
    assert.throws(() => metrics.gauge(declaration), /metric some is declared twice, and differently/);
    assert.throws(() => metrics.counter({ ...declaration, labels: { b: 10 } }), /declared twice/);
  });

  it('refuses a series with too few labels', () => {
    const { metrics } = registry();
    const some = metrics.counter({ name: 'some', help: 'Help.', labels: { a: 10, b: 10 } });
    assert.throws(() => some.cell('x'), /some has the labels a, b: got 1 values/);
  });

  it('reads what is read rather than counted at each scrape, until that is ended', () => {
    const { metrics } = registry();
    const cell = metrics.gauge({ name: 'reads', help: 'Reads.' }).cell();
    const end = metrics.onCollect(() => {
      cell.value += 1;
    });
    const value = () => metrics.samples()[0]!.value;
    assert.deepEqual([value(), value()], [1, 2]);
    end();
    assert.equal(value(), 2);
  });
});
