import assert from 'node:assert/strict';
import { type AgentOptions, OptionsError, parseOptions } from './agent-options.js';

const parsed = (...flags: string[]) => parseOptions(['--node-ip', '192.0.2.1', ...flags]) as AgentOptions;

describe('Flags of the agent', () => {
  test('images: defaults, and what is given', () => {
    assert.deepEqual(parsed().imagePolicy, { highPercent: 85, lowPercent: 80, minimumAge: 120_000 });
    const given = parsed(
      '--image-gc-high-threshold=50',
      '--image-gc-low-threshold=40',
      '--minimum-image-ttl-duration=1m30s',
    );
    assert.deepEqual(given.imagePolicy, { highPercent: 50, lowPercent: 40, minimumAge: 90_000 });
  });

  test('eviction: the thresholds of upstream, others, or none', () => {
    const signals = (...flags: string[]) => parsed(...flags).evictionThresholds.map(({ signal }) => signal);
    assert.equal(signals().length, 5);
    assert.deepEqual(signals('--eviction-hard=pid.available<5%'), ['pid.available']);
    assert.deepEqual(signals('--eviction-hard='), []);
  });

  const bad: [flags: string[], message: string][] = [
    [['--image-gc-high-threshold=many'], '--image-gc-high-threshold: not a whole number'],
    [['--image-gc-high-threshold=101'], '--image-gc-high-threshold: not a percentage'],
    [['--image-gc-low-threshold=90'], '--image-gc-low-threshold: above --image-gc-high-threshold'],
    [['--minimum-image-ttl-duration=2'], '--minimum-image-ttl-duration: time: missing unit in duration "2"'],
    [
      ['--allowed-unsafe-sysctls=vm.swappiness'],
      '--allowed-unsafe-sysctls: the sysctl vm.swappiness is not known to be namespaced',
    ],
    [['--eviction-hard=disk<5%'], '--eviction-hard: unsupported eviction signal disk'],
  ];
  for (const [flags, message] of bad) {
    test(`${flags.join(' ')} gets one line`, () => {
      assert.throws(
        () => parsed(...flags),
        (error) => error instanceof OptionsError && error.message === message,
      );
    });
  }
});
