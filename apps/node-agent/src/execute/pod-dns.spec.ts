import assert from 'node:assert/strict';
import { aPod } from '../testing/pod-builders.js';
import { parseResolvConf, podDns, podHostname } from './pod-dns.js';

const host = parseResolvConf(
  '# local\nnameserver 192.0.2.53\nsearch example.com corp.example.com.\noptions timeout:1\n',
);
const settings = { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', host };

test('resolv.conf is read without comments and final dots', () => {
  assert.deepEqual(host, {
    servers: ['192.0.2.53'],
    searches: ['example.com', 'corp.example.com'],
    options: ['timeout:1'],
  });
});

test('the cluster comes first, the node after it', () => {
  assert.deepEqual(podDns(aPod(), settings), {
    servers: ['10.96.0.10'],
    searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com', 'corp.example.com'],
    options: ['ndots:5'],
  });
});

test('a pod on the host network uses the node unless it asks for the cluster', () => {
  assert.deepEqual(podDns(aPod({ hostNetwork: true, dnsPolicy: 'ClusterFirst' }), settings), host);
  const asked = podDns(aPod({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }), settings);
  assert.deepEqual(asked.servers, ['10.96.0.10']);
});

test('its own settings are added, an option of the same name wins', () => {
  const dnsConfig = {
    nameservers: ['192.0.2.9'],
    searches: ['own'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  const result = podDns(aPod({ dnsConfig }), settings);
  assert.deepEqual(result.servers, ['10.96.0.10', '192.0.2.9']);
  assert.equal(result.searches.at(-1), 'own');
  assert.deepEqual(result.options, ['ndots:2', 'edns0']);
  assert.deepEqual(podDns(aPod({ dnsPolicy: 'None', dnsConfig }), settings).servers, ['192.0.2.9']);
});

test('host names are cut to what the kernel takes', () => {
  const long = aPod({}, {}, { name: `${'a'.repeat(62)}-${'b'.repeat(10)}` });
  assert.equal(podHostname(long, 'cluster.local').hostname, 'a'.repeat(62));
  const named = podHostname(aPod({ hostname: 'db-0', subdomain: 'db' }), 'cluster.local');
  assert.deepEqual(named, { hostname: 'db-0', domain: 'db.default.svc.cluster.local' });
});
