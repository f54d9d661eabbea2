import assert from 'node:assert/strict';
import { which } from '#host';
import { testUnless } from '#testing';
import { QemuTcg } from './qemu-tcg.js';
import { compiledTests } from './rust-tests.js';

/** That the machine and all its tests may take. */
const SECONDS = 9 * 60;

/** Debian's kernel has IPVS, and all of nftables that its rules need. */
const machine = new QemuTcg();
const programs = ['cargo', 'nft', 'ip'].find((program) => !which(program));
const missing = machine.missing() ?? (programs && `needs ${programs}`);

testUnless(missing, `Services by IPVS: ${machine.name}`, async () => {
  try {
    const settings = 'modprobe -a br_netfilter nf_conntrack dummy && ip link set lo up';
    const tests = `BERTH_TEST_IPVS=1 ${compiledTests('netfilter', 'ipvs')} --test-threads=1`;
    const { status, output } = await machine.run(`${settings} && ${tests}`, SECONDS);
    assert.equal(status, 0, output);
    assert.match(output, /test result: ok\. [1-9]\d* passed; 0 failed; 0 ignored/);
  } finally {
    machine.close();
  }
});
