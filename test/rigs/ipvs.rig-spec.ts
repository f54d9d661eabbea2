import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { installation, which } from '#host';
import { testUnless } from '#testing';
import { QemuTcg } from './qemu-tcg.js';

/** That the machine and all its tests may take. */
const SECONDS = 9 * 60;

/** Debian's kernel has IPVS, and all of nftables that its rules need. */
const machine = new QemuTcg();
const programs = ['cargo', 'nft', 'ip'].find((program) => !which(program));
const missing = machine.missing() ?? (programs && `needs ${programs}`);

/** The tests of `native/netfilter/tests/ipvs.rs`, as the program that cargo makes of them. */
function compiledTests(): string {
  const command = ['test', '-p', 'netfilter', '--no-default-features', '--test', 'ipvs', '--no-run'];
  const messages = execFileSync('cargo', [...command, '--message-format=json'], {
    cwd: installation,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const [program] = [...messages.matchAll(/"executable":"([^"]+)"/g)].map(([, path]) => path!);
  assert.ok(program, messages);
  return program;
}

testUnless(missing, `Services by IPVS: ${machine.name}`, async () => {
  try {
    const settings = 'modprobe -a br_netfilter nf_conntrack dummy && ip link set lo up';
    const tests = `BERTH_TEST_IPVS=1 ${compiledTests()} --test-threads=1`;
    const { status, output } = await machine.run(`${settings} && ${tests}`, SECONDS);
    assert.equal(status, 0, output);
    assert.match(output, /test result: ok\. [1-9]\d* passed; 0 failed; 0 ignored/);
  } finally {
    machine.close();
  }
});
