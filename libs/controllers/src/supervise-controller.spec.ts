import assert from 'node:assert/strict';
import { silentLogger } from '#client';
import { MetricsRegistry } from '#telemetry';
import { FakeClock } from '#testing';
import type { Controller } from './context.js';
import { ControllerHealth } from './controller-health.js';
import { superviseController } from './supervise-controller.js';

/** Runs until its signal fires, or fails at once. */
function controllerThat(what: 'works' | 'fails', log: string[]): Controller {
  return {
    name: 'test',
    async run(signal) {
      log.push(what);
      if (what === 'fails') throw new Error('no way');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  };
}

function supervised(plan: ('works' | 'fails')[]) {
  const clock = new FakeClock();
  const metrics = new MetricsRegistry();
  const health = new ControllerHealth(metrics);
  const stop = new AbortController();
  const log: string[] = [];
  const make = () => controllerThat(plan.shift() ?? 'works', log);
  const supervision = { clock, random: () => 0, logger: silentLogger, health, signal: stop.signal };
  const ended = superviseController(make(), make, supervision);
  const metric = (name: string) => metrics.samples().find(({ metricName }) => metricName === name)?.value;
  return { clock, health, stop, log, ended, metric };
}

describe('a supervised controller', () => {
  it('that fails is made anew after a delay that grows', async () => {
    const { clock, log, stop, ended } = supervised(['fails', 'fails', 'works']);
    await clock.advance(999);
    assert.deepEqual(log, ['fails']);
    await clock.advance(1);
    assert.deepEqual(log, ['fails', 'fails']);
    await clock.advance(1999);
    assert.equal(log.length, 2);
    await clock.advance(1);
    assert.deepEqual(log, ['fails', 'fails', 'works']);
    stop.abort();
    await ended;
  });

  it('shows its failure until it runs again, and how often it was restarted', async () => {
    const { clock, health, stop, ended, metric } = supervised(['fails', 'works']);
    await clock.advance(0);
    assert.deepEqual(health.states(), [{ name: 'test', running: false, restarts: 0, error: 'no way' }]);
    assert.equal(metric('running_managed_controllers'), 0);
    await clock.advance(1000);
    assert.deepEqual(health.states(), [{ name: 'test', running: true, restarts: 1, error: 'no way' }]);
    assert.equal(metric('running_managed_controllers'), 1);
    assert.equal(metric('berth_controller_restarts_total'), 1);
    stop.abort();
    await ended;
    assert.deepEqual(health.states(), []);
  });

  it('that cannot be made again is tried again', async () => {
    const clock = new FakeClock();
    const health = new ControllerHealth(new MetricsRegistry());
    const stop = new AbortController();
    const log: string[] = [];
    let made = 0;
    const make = () => {
      if (made++ === 0) throw new Error('not yet');
      return controllerThat('works', log);
    };
    const supervision = { clock, random: () => 0, logger: silentLogger, health, signal: stop.signal };
    const ended = superviseController(controllerThat('fails', log), make, supervision);
    await clock.advance(3000);
    assert.deepEqual(log, ['fails', 'works']);
    stop.abort();
    await ended;
  });

  it('ends with its signal, also while it waits to be restarted', async () => {
    const { clock, log, stop, ended } = supervised(['fails']);
    await clock.advance(10);
    stop.abort();
    await ended;
    assert.deepEqual(log, ['fails']);
  });
});
