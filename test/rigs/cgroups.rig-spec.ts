import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { installation } from '#host';
import type { Machine } from './machine.js';
import { SystemdV1 } from './systemd-v1.js';
import { UserModeLinux } from './user-mode-linux.js';

const CHECKS = join(installation, 'dist/apps/node-agent/src/testing/cgroup-checks.js');

/** Each machine with each driver: seconds that it may take. */
const rows: [machine: () => Machine, seconds: number][] = [
  [() => new SystemdV1(), 180],
  [() => new UserModeLinux(), 500],
];

for (const [make, seconds] of rows) {
  for (const driver of ['cgroupfs', 'systemd']) {
    const machine = make();
    test(`cgroups of pods: ${machine.name}, driver ${driver}`, { skip: machine.missing() ?? false }, async () => {
      try {
        const { status, output } = await machine.run(`exec ${process.execPath} ${CHECKS} ${driver}`, seconds);
        console.log(output.trim().replace(/^/gm, `${driver}: `));
        assert.equal(status, 0, output);
      } finally {
        machine.close();
      }
    });
  }
}
