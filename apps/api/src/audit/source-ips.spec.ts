import assert from 'node:assert/strict';
import { sourceIPs } from './source-ips.js';

describe('where a request comes from', () => {
  const rows: [string, Record<string, string>, string, string[]][] = [
    ['is the address of its connection', {}, '192.0.2.1', ['192.0.2.1']],
    ['is an IPv4 address also where the socket is of IPv6', {}, '::ffff:192.0.2.1', ['192.0.2.1']],
    [
      'has the proxies in front',
      { 'x-forwarded-for': '203.0.113.1, x, 2001:DB8:0::1' },
      '192.0.2.1',
      [...['203.0.113.1', '2001:db8::1', '192.0.2.1']],
    ],
    [
      'has X-Real-Ip once',
      { 'x-forwarded-for': '203.0.113.1', 'x-real-ip': '203.0.113.1' },
      '192.0.2.1',
      [...['203.0.113.1', '192.0.2.1']],
    ],
    ['has the connection once', { 'x-real-ip': '192.0.2.1' }, '192.0.2.1', ['192.0.2.1']],
  ];
  for (const [title, headers, remoteAddress, expected] of rows) {
    test(title, () => {
      assert.deepEqual(sourceIPs({ headers, socket: { remoteAddress } as never }), expected);
    });
  }
});
