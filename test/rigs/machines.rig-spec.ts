import assert from 'node:assert/strict';
import { testUnless } from '#testing';
import type { Machine } from './machine.js';
import { NetworkNamespace } from './network-namespace.js';
import { QemuTcg } from './qemu-tcg.js';
import { SystemdV1 } from './systemd-v1.js';
import { UserModeLinux } from './user-mode-linux.js';

/** What each machine must have, as a pattern for the output of PROBE. Seconds that it may take. */
const rows: [machine: Machine, expected: RegExp, seconds: number][] = [
  [new NetworkNamespace(), /^interfaces: lo$/m, 20],
  [new SystemdV1(), /^init: systemd\nunified: none$/m, 60],
  [new UserModeLinux(), /^init: systemd\nunified: .*\bmemory\b.*\bpids\b/m, 200],
  [new QemuTcg(), /^init: systemd\nunified: cpuset .*\bhugetlb\b/m, 580],
];

const PROBE = `
echo "init: $(cat /proc/1/comm)"
echo "unified: $(cat /sys/fs/cgroup/cgroup.controllers 2>/dev/null || echo none)"
echo "interfaces: $(ls /sys/class/net | tr '\\n' ' ' | sed 's/ $//')"
cat given; echo seen > taken; exit 7`;

for (const [machine, expected, seconds] of rows) {
  testUnless(machine.missing(), `${machine.name} runs a command and gives its status, output and files`, async () => {
    try {
      machine.put('given', 'from the host\n');
      const { status, output } = await machine.run(PROBE, seconds);
      assert.equal(status, 7, output);
      assert.match(output, expected);
      assert.match(output, /^from the host$/m);
      assert.equal(machine.get('taken'), 'seen\n');
    } finally {
      machine.close();
    }
  });
}
