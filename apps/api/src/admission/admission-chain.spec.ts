import assert from 'node:assert/strict';
import { MetricsRegistry } from '#telemetry';
import { OrderedPlugins } from './admission-chain.js';
import { AdmissionMetrics } from './admission-metrics.js';
import type { AdmissionRequest } from './admission-request.js';
import { Reinvocation } from './reinvocation.js';
import { request } from './testing/admission-requests.js';

describe('OrderedPlugins', () => {
  it('runs in order, also across one that waits, and stays synchronous without', async () => {
    const seen: string[] = [];
    const plugin = (name: string, waits: boolean) => ({
      name,
      handles: () => true,
      admit: () =>
        waits
          ? new Promise<void>((done) =>
              setImmediate(() => {
                seen.push(name);
                done();
              }),
            )
          : void seen.push(name),
    });
    const asked = request('CREATE', 'configmaps', {});
    await new OrderedPlugins([plugin('a', false), plugin('b', true), plugin('c', false)]).admit(asked);
    assert.deepEqual(seen, ['a', 'b', 'c']);
    assert.equal(new OrderedPlugins([plugin('d', false)]).admit(asked), undefined);
  });

  it('times plugins and steps, also of what they refuse', async () => {
    const registry = new MetricsRegistry();
    const plugins = new OrderedPlugins(
      [
        { name: 'Quick', handles: () => true, admit: () => {}, validate: () => {} },
        { name: 'Strict', handles: () => true, validate: () => Promise.reject(new Error('no')) },
      ],
      new AdmissionMetrics(registry),
    );
    const asked = request('CREATE', 'configmaps', {});
    assert.equal(plugins.admit(asked), undefined);
    await assert.rejects(async () => plugins.validate(asked), /no/);
    const counts = registry
      .samples()
      .filter(({ metricName, value }) => metricName.endsWith('_count') && value > 0)
      .map(({ labels: { name = 'all', type, rejected } }) => `${name} ${type} ${rejected}`);
    assert.deepEqual(counts, [
      ...['Quick admit false', 'Quick validate false', 'Strict validate true'],
      ...['all admit false', 'all validate true'],
    ]);
  });

  it('runs all plugins once more when one wants that', () => {
    const rounds: number[] = [];
    const plugin = {
      name: 'again',
      handles: () => true,
      admit: (asked: AdmissionRequest) => {
        asked.reinvocation ??= new Reinvocation();
        asked.reinvocation.wanted = true;
        rounds.push(asked.reinvocation.round);
      },
    };
    new OrderedPlugins([plugin]).admit(request('CREATE', 'configmaps', {}));
    assert.deepEqual(rounds, [0, 1]);
  });
});
