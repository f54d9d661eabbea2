import assert from 'node:assert/strict';
import { join } from 'node:path';
import { installation } from '#host';
import { testUnless } from '#testing';
import type { CheckedSetup } from '../../apps/node-agent/src/testing/cgroup-checks/cgroup-bench.js';
import type { Machine } from './machine.js';
import { runtimePrograms, runtimesMissing, type Suite } from './programs.js';
import { QemuTcg } from './qemu-tcg.js';
import { SystemdV1 } from './systemd-v1.js';
import { UserModeLinux } from './user-mode-linux.js';

const CHECKS = join(installation, 'dist/apps/node-agent/src/testing/cgroup-checks/main.js');
/** That all checks of a row may take. */
const SECONDS = 14 * 60;

/** Runtimes by what they do with cgroups; the first is the host's. */
const RUNTIMES = {
  'containerd of this host': { suite: undefined, program: 'runc', curve: 'linear' },
  'containerd 1.7': { suite: 'trixie', program: 'runc', curve: 'linear' },
  'containerd 2': { suite: 'testing', program: 'runc', curve: 'quadratic' },
  'containerd 2 with crun': { suite: 'testing', program: 'crun', curve: 'quadratic' },
} as const satisfies Record<string, { suite: Suite | undefined; program: string; curve: string }>;

const SWAP = 'modprobe zram && echo 1G > /sys/block/zram0/disksize && mkswap --quiet /dev/zram0 && swapon /dev/zram0';
const HUGE_PAGES = 'echo 16 > /proc/sys/vm/nr_hugepages';
const MACHINES = {
  // The kernel is the host's, and its swap with it.
  systemd: { make: () => new SystemdV1(), before: 'true' },
  // Its kernel loses pages of io_uring that are mapped, and Node with them.
  uml: { make: () => new UserModeLinux(), before: `echo 2 > /proc/sys/kernel/io_uring_disabled && ${SWAP}` },
  qemu: { make: () => new QemuTcg(), before: `${SWAP} && ${HUGE_PAGES}` },
} as const satisfies Record<string, { make: () => Machine; before: string }>;

type Row = [keyof typeof MACHINES, CheckedSetup['driver'], keyof typeof RUNTIMES, pods: number, length?: 'short'];

const rows: Row[] = [
  ['systemd', 'cgroupfs', 'containerd of this host', 100],
  ['systemd', 'systemd', 'containerd of this host', 100],
  ['systemd', 'cgroupfs', 'containerd 1.7', 10],
  ['systemd', 'systemd', 'containerd 1.7', 10],
  ['systemd', 'cgroupfs', 'containerd 2', 10],
  ['systemd', 'systemd', 'containerd 2', 10],
  ['uml', 'cgroupfs', 'containerd of this host', 10],
  ['uml', 'systemd', 'containerd 1.7', 10],
  ['uml', 'systemd', 'containerd 2', 10],
  ['uml', 'cgroupfs', 'containerd 2 with crun', 10],
  ['uml', 'systemd', 'containerd 2 with crun', 10],
  ['qemu', 'systemd', 'containerd 2', 0, 'short'],
];

for (const [kind, driver, runtime, pods, length] of rows) {
  const { make, before } = MACHINES[kind];
  const { suite, program, curve } = RUNTIMES[runtime];
  const machine = make();
  const missing = machine.missing() ?? (suite && runtimesMissing(suite));
  testUnless(missing, `cgroups of pods: ${machine.name}, driver ${driver}, ${runtime}`, async () => {
    const setup: CheckedSetup = { driver, program, curve, pods, short: length === 'short' };
    const path = suite ? `export PATH=${runtimePrograms(suite)}:$PATH; ` : '';
    const checks = `containerd --version; ${program} --version | head -1; exec ${process.execPath} ${CHECKS} '${JSON.stringify(setup)}'`;
    try {
      const { status, output } = await machine.run(`${path}${before} || exit 3; ${checks}`, SECONDS);
      console.log(output.trim());
      assert.equal(status, 0, output);
    } finally {
      machine.close();
    }
  });
}
