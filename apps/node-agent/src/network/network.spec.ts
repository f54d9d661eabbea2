import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { testUnless } from '#testing';
import { noPodNetwork } from '../execute/step-services.js';
import { familyOf, nodeFamilies, splitCidrs } from './families.js';
import { ProxyModeError } from './netfilter.js';
import { prepareNetwork } from './network.js';

const options = {
  nodeName: 'here',
  nodeIp: '192.0.2.1',
  nodeIps: ['192.0.2.1'],
  nodePortAddresses: '',
  ipvs: { scheduler: 'rr', strictArp: false, excludeCidrs: [], timeouts: { tcp: 0, tcpFin: 0, udp: 0 } },
  enforcesPolicies: false,
  clusterCidr: '10.244.0.0/16',
  serviceClusterIpRange: '10.96.0.0/16',
  cniConfigDir: undefined,
};

const refused: [mode: string, message: string][] = [
  ['userspace', '--proxy-mode=userspace: Kubernetes 1.26 removed this mode; use nftables, iptables or ipvs'],
  ['ebpf', '--proxy-mode=ebpf: there is no such mode; use nftables, iptables or ipvs'],
];
for (const [proxyMode, message] of refused) {
  test(`proxy mode ${proxyMode} is refused before anything starts`, () => {
    assert.throws(
      () => prepareNetwork({ ...options, proxyMode }),
      (error) => error instanceof ProxyModeError && error.message === message,
    );
  });
}

const ipvs = existsSync('/proc/net/ip_vs') ? 'this kernel has IPVS' : undefined;
testUnless(ipvs, 'a kernel without IPVS is named by the module that it lacks', () => {
  assert.throws(
    () => prepareNetwork({ ...options, proxyMode: 'ipvs' }),
    (error) =>
      error instanceof ProxyModeError &&
      /^--proxy-mode=ipvs: IPVS: the kernel lacks its module ip_vs: /.test(error.message),
  );
});

test('without a proxy mode nothing is asked of the kernel', () => {
  assert.equal(prepareNetwork({ ...options, proxyMode: 'none' }).pods.isolation, noPodNetwork.isolation);
});

test('the node carries the families of its pods', () => {
  assert.deepEqual(nodeFamilies('10.244.0.0/16'), ['IPv4']);
  assert.deepEqual(nodeFamilies('10.244.0.0/16, fd00::/48'), ['IPv4', 'IPv6']);
  assert.deepEqual(splitCidrs('10.244.0.0/16, fd00::/48'), ['10.244.0.0/16', 'fd00::/48']);
  assert.deepEqual(
    ['10.0.0.1', 'fd00::1', 'web', ''].map((text) => familyOf(text)),
    ['IPv4', 'IPv6', undefined, undefined],
  );
});
