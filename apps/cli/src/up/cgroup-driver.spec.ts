import assert from 'node:assert/strict';
import type { Settings } from '../settings.js';
import { type CgroupDriver, cgroupDriver } from './cgroup-driver.js';

test('the driver is systemd where systemd runs, unless the user or their runtime decides', () => {
  const rows: [Settings['cgroupDriver'], endpoint: string, systemd: boolean, CgroupDriver | undefined][] = [
    ['auto', '', true, 'systemd'],
    ['auto', '', false, 'cgroupfs'],
    ['auto', '/run/crio.sock', true, undefined],
    ['cgroupfs', '', true, 'cgroupfs'],
    ['systemd', '', true, 'systemd'],
    ['systemd', '/run/crio.sock', true, 'systemd'],
  ];
  for (const [asked, containerRuntimeEndpoint, systemd, expected] of rows) {
    assert.equal(cgroupDriver({ cgroupDriver: asked, containerRuntimeEndpoint }, systemd), expected);
  }
});

test('systemd is refused where it does not run', () => {
  const settings = { cgroupDriver: 'systemd', containerRuntimeEndpoint: '' } as const;
  assert.throws(() => cgroupDriver(settings, false), {
    message: '--cgroup-driver: systemd does not run on this machine',
  });
});
