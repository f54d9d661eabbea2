import assert from 'node:assert/strict';
import { normalSysctl, parseSysctlPatterns } from './sysctl-patterns.js';

describe('Kernel settings as a flag has them', () => {
  test('a slash within a part stands for a dot', () => {
    assert.equal(normalSysctl('net/ipv4/conf/eth0.100/rp_filter'), 'net.ipv4.conf.eth0/100.rp_filter');
    assert.equal(normalSysctl('net.ipv4.conf.eth0/100.rp_filter'), 'net.ipv4.conf.eth0/100.rp_filter');
  });

  test('what a node allows besides', () => {
    assert.deepEqual(parseSysctlPatterns('kernel.msg*, net/core/somaxconn'), ['kernel.msg*', 'net.core.somaxconn']);
    assert.deepEqual(parseSysctlPatterns(''), []);
    assert.throws(() => parseSysctlPatterns('vm.swappiness'), {
      message: /vm.swappiness is not known to be namespaced/,
    });
    assert.throws(() => parseSysctlPatterns('a b'), { message: 'a b is no sysctl' });
  });
});
