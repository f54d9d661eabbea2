import assert from 'node:assert/strict';
import { formatIp, nthAddress, parseIp } from '#apimachinery';
import { IpRange, parseServiceRanges } from './ip-range.js';

describe('addresses', () => {
  const CASES: [text: string, canonical: string | undefined][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['010.0.0.1', undefined],
    ['10.0.0', undefined],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['2001:0:0:1:0:0:1:1', '2001::1:0:0:1:1'],
    ['::', '::'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['fe80::1%eth0', undefined],
    ['None', undefined],
  ];
  for (const [text, canonical] of CASES) {
    it(text, () => {
      const ip = parseIp(text);
      assert.equal(ip && formatIp(ip), canonical);
    });
  }

  it('are counted from the network address', () => {
    assert.equal(nthAddress('10.96.0.5/16', 10), '10.96.0.10');
    assert.equal(nthAddress('fd00:10:96::/112', 10), 'fd00:10:96::a');
    assert.throws(() => nthAddress('10.96.0.0/30', 4), /subnet too small/);
  });
});

describe('a range', () => {
  const CASES: [cidr: string, within: string[], without: string[]][] = [
    ['10.0.0.0/24', ['10.0.0.1', '10.0.0.254'], ['10.0.0.0', '10.0.0.255', '10.0.1.1', 'fd00::1', 'None']],
    ['10.0.0.77/30', ['10.0.0.77', '10.0.0.78'], ['10.0.0.76', '10.0.0.79']],
    ['fd00::/112', ['fd00::1', 'fd00::ffff', 'FD00:0:0:0:0:0:0:2'], ['fd00::', 'fd00::1:0', '10.0.0.1']],
    ['fd00::/64', ['fd00::1', 'fd00::ffff:ffff:ffff:ffff'], ['fd00:0:0:1::']],
  ];
  for (const [cidr, within, without] of CASES) {
    it(`${cidr} has its addresses`, () => {
      const range = new IpRange(cidr);
      for (const address of within) assert.ok(range.contains(address), address);
      for (const address of without) assert.ok(!range.contains(address), address);
      for (let i = 0; i < 50; i += 1) assert.ok(range.contains(range.pick(() => false)!));
    });
  }

  it('leaves its beginning to those who ask, while there is more', () => {
    const range = new IpRange('fd00::/112');
    for (let i = 0; i < 100; i += 1) assert.ok(parseIp(range.pick(() => false)!)!.value >= parseIp('fd00::101')!.value);
  });

  for (const cidr of ['10.0.0.0/29', 'fd00::/125']) {
    it(`${cidr} gives each address once, and then none`, () => {
      const range = new IpRange(cidr);
      const taken = new Set<string>();
      for (let next = range.pick((a) => taken.has(a)); next; next = range.pick((a) => taken.has(a))) taken.add(next);
      assert.equal(taken.size, cidr.startsWith('10') ? 6 : 7);
    });
  }
});

describe('service ranges', () => {
  const GOOD: [text: string, families: string[]][] = [
    ['10.96.0.0/16', ['IPv4']],
    ['fd00::/108', ['IPv6']],
    ['10.96.0.0/16,fd00::/108', ['IPv4', 'IPv6']],
    ['fd00::/108, 10.96.0.0/16', ['IPv6', 'IPv4']],
  ];
  for (const [text, families] of GOOD) {
    it(text, () => {
      assert.deepEqual(
        parseServiceRanges(text).map(({ family }) => family),
        families,
      );
    });
  }
  for (const text of [
    '',
    'x',
    '10.0.0.0',
    '10.0.0.0/31',
    'fd00::/63',
    '10.0.0.0/8,10.0.0.0/8',
    'fd00::/64,10.0.0.0/8,',
  ]) {
    it(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parseServiceRanges(text)));
  }
});
