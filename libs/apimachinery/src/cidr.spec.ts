import assert from 'node:assert/strict';
import { apiAddress, dnsAddress, nthAddress } from './cidr.js';

describe('nthAddress', () => {
  for (const [cidr, n, address] of [
    ['10.96.0.0/16', 1, '10.96.0.1'],
    ['10.96.0.0/16', 10, '10.96.0.10'],
    ['10.0.0.250/24', 255, '10.0.0.255'],
    ['fd00:10:96::/112', 1, 'fd00:10:96::1'],
    ['2001:db8::/64', 65536, '2001:db8::1:0'],
  ] as const) {
    it(`of ${cidr}, ${n} is ${address}`, () => assert.equal(nthAddress(cidr, n), address));
  }
  for (const cidr of ['10.96.0.0', 'x/16', '10.0.0.0/33', '10.0.0.0/']) {
    it(`refuses ${cidr}`, () => assert.throws(() => nthAddress(cidr, 1), /invalid CIDR/));
  }
  it('refuses an index beyond the range', () => assert.throws(() => nthAddress('10.0.0.0/30', 4), /too small/));
});

it('the API and cluster DNS have fixed places in the Service range, however its base is written', () => {
  assert.equal(apiAddress('10.96.5.7/16'), '10.96.0.1');
  assert.equal(dnsAddress('10.96.0.250/16'), '10.96.0.10');
  assert.throws(() => dnsAddress('10.96.0.0/29'), /too small/);
});
