import assert from 'node:assert/strict';
import { parseIp } from '#apimachinery';
import type { IPAddress, ServiceCIDR } from '#kinds';
import { isInRange, isNeeded } from './service-cidr.plan.js';

const cidr = (name: string, ...cidrs: string[]): ServiceCIDR => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name },
  spec: { cidrs },
});
const address = (name: string, manager = 'ipallocator.k8s.io'): IPAddress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  metadata: { name, labels: { 'ipaddress.kubernetes.io/managed-by': manager } },
  spec: { parentRef: { resource: 'services', namespace: 'default', name: 'web' } },
});

describe('isNeeded', () => {
  const dual = cidr('own', '10.0.0.0/24', 'fd00::/112');
  const rows: [what: string, others: ServiceCIDR[], addresses: IPAddress[], expected: boolean][] = [
    ['no address', [], [], false],
    ['an address', [], [address('10.0.0.9')], true],
    ['an address of the other family', [], [address('fd00::9')], true],
    ['an address of another range', [], [address('10.0.1.9')], false],
    ['an address of another manager', [], [address('10.0.0.9', 'example.com')], false],
    ['another range has the address', [cidr('b', '10.0.0.0/28')], [address('10.0.0.9')], false],
    ['another range has one of two', [cidr('b', '10.0.0.0/28')], [address('10.0.0.9'), address('10.0.0.99')], true],
    ['other ranges have all', [cidr('b', '10.0.0.0/8'), cidr('c', 'fd00::/64')], [address('10.0.0.9')], false],
  ];
  for (const [what, others, addresses, expected] of rows) {
    test(what, () => assert.equal(isNeeded(dual, [dual, ...others], addresses), expected));
  }
});

describe('of ranges that are deleted together', () => {
  const deleted = (name: string, at: string, range = '10.0.0.0/24'): ServiceCIDR => {
    const made = cidr(name, range);
    return { ...made, metadata: { ...made.metadata, deletionTimestamp: at } };
  };
  const [first, second] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'];
  const rows: [what: string, all: ServiceCIDR[], needed: string[]][] = [
    ['the later one stays', [deleted('b', first), deleted('a', second)], ['a']],
    ['the one with the later name stays, at the same time', [deleted('a', first), deleted('b', first)], ['b']],
    ['the last of three stays', [deleted('a', first), deleted('b', first), deleted('c', second)], ['c']],
    [
      'all go when another has their addresses',
      [deleted('a', first), deleted('b', first), cidr('c', '10.0.0.0/8')],
      [],
    ],
    ['a smaller one that stays longer does', [deleted('a', first), deleted('b', second, '10.0.0.0/28')], ['b']],
  ];
  for (const [what, all, needed] of rows) {
    test(what, () => {
      const found = all.filter((one) => one.metadata.deletionTimestamp && isNeeded(one, all, [address('10.0.0.9')]));
      assert.deepEqual(
        found.map(({ metadata }) => metadata.name),
        needed,
      );
    });
  }
});

describe('isInRange', () => {
  const all = [cidr('a', '10.0.0.0/24'), cidr('b', 'fd00::/112')];
  const rows: [ip: string, expected: boolean][] = [
    ['10.0.0.255', true],
    ['10.0.1.0', false],
    ['fd00::ffff', true],
    ['fd00::1:0', false],
  ];
  for (const [ip, expected] of rows) test(ip, () => assert.equal(isInRange(parseIp(ip)!, all), expected));
});
