import assert from 'node:assert/strict';
import { SettingError } from '#settings';
import { parseOptions } from './agent-options.js';

const parsed = (...flags: string[]) => parseOptions(['--node-ip', '192.0.2.1', ...flags])!;

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

  test('what is not given follows the data directory and the range of Services', () => {
    const options = parsed('--data-dir=/d', '--service-cluster-ip-range=10.97.0.0/16', '--cgroup-root=/pods');
    assert.deepEqual(
      [options.kubeconfig, options.podManifestPath, options.cniConfigDir, options.clusterDns, options.cgroupRoot],
      ['/d/agent.kubeconfig', '/d/manifests', '/d/cni/net.d', ['10.97.0.10'], 'pods'],
    );
    assert.deepEqual(
      [parsed('--pod-manifest-path=').podManifestPath, parsed('--cni-conf-dir=').cniConfigDir],
      [undefined, undefined],
    );
  });

  test('timeouts of IPVS: left as they are, or whole seconds', () => {
    assert.deepEqual(parsed().ipvs.timeouts, { tcp: 0, tcpFin: 0, udp: 0 });
    const given = parsed('--ipvs-tcp-timeout=15m', '--ipvs-tcpfin-timeout=1m30s', '--ipvs-udp-timeout=2500ms');
    assert.deepEqual(given.ipvs.timeouts, { tcp: 900, tcpFin: 90, udp: 2 });
  });

  test('auto is the one mode that there is', () => {
    const chosen = (...flags: string[]) => parsed(...flags).proxyMode;
    assert.deepEqual([chosen(), chosen('--proxy-mode=none')], ['auto', 'none']);
  });

  test('cgroups: the runtime decides unless a driver is given', () => {
    assert.equal(parsed().cgroupDriver, undefined);
    assert.equal(parsed('--cgroup-driver=auto').cgroupDriver, undefined);
    for (const driver of ['systemd', 'cgroupfs'])
      assert.equal(parsed(`--cgroup-driver=${driver}`).cgroupDriver, driver);
  });

  test('memory: defaults of upstream, and what is given', () => {
    assert.deepEqual(parsed().memory, { swap: 'NoSwap', reservation: 'None', throttlingFactor: undefined });
    const given = parsed(
      '--memory-swap-behavior=LimitedSwap',
      '--memory-reservation-policy=TieredReservation',
      '--memory-throttling-factor=0.9',
    );
    assert.deepEqual(given.memory, { swap: 'LimitedSwap', reservation: 'TieredReservation', throttlingFactor: 0.9 });
  });

  const bad: [flags: string[], message: string][] = [
    [['--image-gc-high-threshold=many'], '--image-gc-high-threshold: must be a whole number from 0 to 100: got many'],
    [['--image-gc-high-threshold=101'], '--image-gc-high-threshold: must be a whole number from 0 to 100: got 101'],
    [
      ['--image-gc-low-threshold=90'],
      '--image-gc-low-threshold: must not be above --image-gc-high-threshold (85): got 90',
    ],
    [['--minimum-image-ttl-duration=2'], '--minimum-image-ttl-duration: time: missing unit in duration "2"'],
    [
      ['--allowed-unsafe-sysctls=vm.swappiness'],
      '--allowed-unsafe-sysctls: the sysctl vm.swappiness is not known to be namespaced',
    ],
    [['--node-ip=here'], '--node-ip: must be IP addresses: got here'],
    [['--pod-pids-limit=-1'], '--pod-pids-limit: must be a whole number of at least 0: got -1'],
    [['--cgroup-driver=docker'], '--cgroup-driver: must be one of auto, cgroupfs, systemd: got docker'],
    [['--memory-swap-behavior=all'], '--memory-swap-behavior: must be one of NoSwap, LimitedSwap: got all'],
    [
      ['--memory-throttling-factor=2'],
      '--memory-throttling-factor: must be greater than 0 and not greater than 1: got 2',
    ],
    [['--ipvs-udp-timeout=-1s'], '--ipvs-udp-timeout: must be greater than or equal to 0'],
    [['--ipvs-udp-timeout=600h'], '--ipvs-udp-timeout: must be less than or equal to 596h31m23s'],
    [['--ipvs-tcp-timeout=900'], '--ipvs-tcp-timeout: time: missing unit in duration "900"'],
    [['--cluster-dns=10.96.0.10,dns'], '--cluster-dns: must be IP addresses: got dns'],
    [['--eviction-hard=disk<5%'], '--eviction-hard: unsupported eviction signal disk'],
  ];
  for (const [flags, message] of bad) {
    test(`${flags.join(' ')} gets one line`, () => {
      assert.throws(
        () => parsed(...flags),
        (error) => error instanceof SettingError && error.message === message,
      );
    });
  }
});
