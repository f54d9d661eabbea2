import assert from 'node:assert/strict';
import { which } from '#host';
import { testUnless } from '#testing';
import { QemuTcg } from './qemu-tcg.js';
import { compiledTests } from './rust-tests.js';

/** That the machine and all its tests may take. */
const SECONDS = 9 * 60;

/** Debian's kernel has the quotas of ext4. */
const machine = new QemuTcg();
const programs = ['cargo', 'mkfs.ext4'].find((program) => !which(program));
const missing = machine.missing() ?? (programs && `needs ${programs}`);

testUnless(missing, `Limits of folders by project quotas: ${machine.name}`, async () => {
  try {
    const tests = `BERTH_TEST_QUOTA=1 ${compiledTests('files', 'project_quota')} --test-threads=1`;
    const { status, output } = await machine.run(`modprobe -a loop ext4 quota_v2 && ${tests}`, SECONDS);
    assert.equal(status, 0, output);
    assert.match(output, /test result: ok\. [1-9]\d* passed; 0 failed; 0 ignored/);
  } finally {
    machine.close();
  }
});
