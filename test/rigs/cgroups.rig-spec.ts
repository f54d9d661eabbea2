import assert from 'node:assert/strict';
import { join } from 'node:path';
import { installation } from '#host';
import { testUnless } from '#testing';
import type { Machine } from './machine.js';
import { SystemdV1 } from './systemd-v1.js';
import { UserModeLinux } from './user-mode-linux.js';

const CHECKS = join(installation, 'dist/apps/node-agent/src/testing/cgroup-checks.js');

interface Row {
  machine: () => Machine;
  /** That are started at once; none on a machine whose one slow processor takes minutes for it. */
  pods: number;
  /** That all checks may take. */
  seconds: number;
}

const rows: Row[] = [
  { machine: () => new SystemdV1(), pods: 100, seconds: 300 },
  { machine: () => new UserModeLinux(), pods: 0, seconds: 580 },
];
const DRIVERS = ['cgroupfs', 'systemd'];
/** Folders of programs that stand in for the host's containerd, and maybe its runc; '' is the host's. */
const RUNTIMES = ['', ...(process.env.BERTH_RIG_RUNTIMES ?? '').split(',').filter(Boolean)];

for (const { machine: make, pods, seconds } of rows) {
  for (const driver of DRIVERS) {
    for (const folder of RUNTIMES) {
      const machine = make();
      const name = [machine.name, `driver ${driver}`, ...(folder ? [`programs of ${folder}`] : [])].join(', ');
      testUnless(machine.missing(), `cgroups of pods: ${name}`, async () => {
        try {
          const path = folder ? `export PATH=${folder}:$PATH; ` : '';
          const checks = `containerd --version; exec ${process.execPath} ${CHECKS} ${driver} ${pods}`;
          const { status, output } = await machine.run(path + checks, seconds);
          console.log(output.trim());
          assert.equal(status, 0, output);
        } finally {
          machine.close();
        }
      });
    }
  }
}
