import assert from 'node:assert/strict';
import { familyOf, nodeCidrs } from './families.js';
import { ProxyModeError } from './netfilter.js';
import { prepareNetwork } from './network.js';

const options = { nodeName: 'here', nodeIp: '192.0.2.1', clusterCidr: '10.244.0.0/16', cniConfigDir: undefined };

const refused: [mode: string, message: string][] = [
  ['nftables', '--proxy-mode=nftables: this mode is not supported yet; use iptables'],
  ['ipvs', '--proxy-mode=ipvs: this mode is not supported yet; use iptables'],
  ['userspace', '--proxy-mode=userspace: Kubernetes 1.26 removed this mode; use iptables'],
  ['ebpf', '--proxy-mode=ebpf: there is no such mode; use iptables'],
];
for (const [proxyMode, message] of refused) {
  test(`proxy mode ${proxyMode} is refused before anything starts`, () => {
    assert.throws(
      () => prepareNetwork({ ...options, proxyMode }),
      (error) => error instanceof ProxyModeError && error.message === message,
    );
  });
}

test('without a proxy mode nothing is asked of the kernel', () => {
  assert.equal(typeof prepareNetwork({ ...options, proxyMode: 'none' }), 'function');
});

test('ranges of families that the node does not carry are left out', () => {
  assert.deepEqual(nodeCidrs('10.244.0.0/16, fd00::/48'), ['10.244.0.0/16']);
  assert.deepEqual(
    ['10.0.0.1', 'fd00::1', 'web', ''].map((text) => familyOf(text)),
    ['IPv4', 'IPv6', undefined, undefined],
  );
});
