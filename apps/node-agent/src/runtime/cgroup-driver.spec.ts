import assert from 'node:assert/strict';
import {
  type CgroupDriver,
  CgroupDriverError,
  cgroupSetup,
  chooseDriver,
  driverOf,
  fromVerboseStatus,
  weightCurveOf,
} from './cgroup-driver.js';
import { CriError, type CriRuntime, GrpcCode } from './cri.js';

test("the runtime's word comes before the flag, and the flag before the default", () => {
  const rows: [CgroupDriver | undefined, CgroupDriver | undefined, CgroupDriver][] = [
    [undefined, undefined, 'cgroupfs'],
    ['systemd', undefined, 'systemd'],
    [undefined, 'systemd', 'systemd'],
    ['systemd', 'systemd', 'systemd'],
    ['cgroupfs', 'cgroupfs', 'cgroupfs'],
  ];
  for (const [flag, runtime, expected] of rows) assert.equal(chooseDriver(flag, runtime), expected);
});

test('a mismatch is refused with one line', () => {
  for (const [flag, runtime] of [
    ['cgroupfs', 'systemd'],
    ['systemd', 'cgroupfs'],
  ] as const) {
    assert.throws(() => chooseDriver(flag, runtime), {
      message: `--cgroup-driver: ${flag}, but the container runtime is configured for ${runtime}; they must be the same`,
    });
  }
});

test('CRI counts systemd as 0, and says nothing without a part for Linux', () => {
  assert.equal(driverOf({ linux: { cgroupDriver: 0 } }), 'systemd');
  assert.equal(driverOf({ linux: { cgroupDriver: 1 } }), 'cgroupfs');
  assert.equal(driverOf({ linux: null }), undefined);
  assert.equal(driverOf({}), undefined);
});

const verbose = (options: object, name = 'runc') =>
  JSON.stringify({ containerd: { defaultRuntimeName: name, runtimes: { runc: { options } } } });

test("containerd's verbose status names the driver and the program of its default runtime", () => {
  assert.deepEqual(fromVerboseStatus(verbose({ SystemdCgroup: true, BinaryName: '/usr/bin/crun' })), {
    driver: 'systemd',
    program: '/usr/bin/crun',
  });
  assert.deepEqual(fromVerboseStatus(verbose({ BinaryName: '' })), { driver: 'cgroupfs', program: 'runc' });
  assert.deepEqual(fromVerboseStatus(verbose({}, 'toString')), {});
  for (const other of [undefined, '', '{}']) assert.deepEqual(fromVerboseStatus(other), {});
});

test('runc 1.3.2 and crun 1.23 are the first with the new curve', () => {
  const rows: [string, 'linear' | 'quadratic'][] = [
    ['runc version 1.1.5+ds1\ncommit: x\nspec: 1.0.2', 'linear'],
    ['runc version 1.3.1', 'linear'],
    ['runc version 1.3.2', 'quadratic'],
    ['runc version 1.4.0-rc.1', 'quadratic'],
    ['runc version 2.0.0', 'quadratic'],
    ['crun version 1.8.1', 'linear'],
    ['crun version 1.23', 'quadratic'],
    ['crun version 1.23.1\ncommit: y', 'quadratic'],
    ['kata 9.9.9', 'linear'],
    ['', 'linear'],
  ];
  for (const [text, expected] of rows) assert.equal(weightCurveOf(text), expected, text);
});

function aRuntime(config: () => Promise<object>, status?: string): CriRuntime {
  return { runtimeConfig: config, verboseConfig: async () => status } as Partial<CriRuntime> as CriRuntime;
}

test('a runtime without RuntimeConfig is asked for its verbose status', async () => {
  const unimplemented = async () => {
    throw new CriError(GrpcCode.Unimplemented, 'unknown method RuntimeConfig');
  };
  const old = aRuntime(unimplemented, verbose({ SystemdCgroup: true, BinaryName: '/nonexistent' }));
  assert.deepEqual(await cgroupSetup(old, undefined), { driver: 'systemd', weightCurve: 'linear' });
  await assert.rejects(cgroupSetup(old, 'cgroupfs'), CgroupDriverError);
  assert.equal((await cgroupSetup(aRuntime(unimplemented), 'systemd')).driver, 'systemd');
});

test('RuntimeConfig comes before the verbose status', async () => {
  const both = aRuntime(async () => ({ linux: { cgroupDriver: 1 } }), verbose({ SystemdCgroup: true }));
  assert.equal((await cgroupSetup(both, undefined)).driver, 'cgroupfs');
});
