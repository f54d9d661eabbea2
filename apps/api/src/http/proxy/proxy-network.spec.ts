import assert from 'node:assert/strict';
import { isGlobalUnicast, proxyableAddress } from './proxy-network.js';

const ALLOWED = ['10.0.0.1', '192.0.2.1', '172.31.255.255', '100.64.0.1', 'fd00::1', '2001:db8::1', '::ffff:192.0.2.1'];
const REFUSED = [
  ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '169.254.169.254', '224.0.0.1', '239.1.2.3'],
  ...['255.255.255.255', '::', '::1', '0:0:0:0:0:0:0:1', 'fe80::1', 'febf::1', 'ff02::1', 'fe80::1%eth0', '10.0.0.1%x'],
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::ffff:0.0.0.0', '::ffff:224.0.0.1'],
  ...['', 'localhost', '127.1', '2130706433', '0x7f000001', '127.000.000.001', '[::1]', ' 10.0.0.1'],
];

describe('addresses that proxies may reach', () => {
  for (const address of ALLOWED) test(`${address} is one`, () => assert.equal(isGlobalUnicast(address), true));
  for (const address of REFUSED) {
    test(`${JSON.stringify(address)} is none`, () => assert.equal(isGlobalUnicast(address), false));
  }

  const names = new Map([
    ['node.example', ['192.0.2.7', '2001:db8::7']],
    ['localhost', ['127.0.0.1']],
    ['half.example', ['192.0.2.7', '::1']],
    ['empty.example', []],
  ]);
  const resolve = async (name: string) => {
    const found = names.get(name);
    if (!found) throw new Error(`getaddrinfo ENOTFOUND ${name}`);
    return found;
  };

  test('a name is connected to at the address that was judged', async () => {
    assert.equal(await proxyableAddress('node.example', { resolve }), '192.0.2.7');
    assert.equal(await proxyableAddress('192.0.2.9', { resolve }), '192.0.2.9');
  });

  test('a name of which one address is not allowed is refused, like one without addresses', async () => {
    const table: [host: string, message: RegExp][] = [
      ['localhost', /^address not allowed$/],
      ['half.example', /^address not allowed$/],
      ['::1', /^address not allowed$/],
      ['empty.example', /^no addresses for hostname$/],
      ['unknown.example', /^getaddrinfo ENOTFOUND unknown\.example$/],
    ];
    for (const [host, message] of table) {
      await assert.rejects(proxyableAddress(host, { resolve }), { code: 400, message }, host);
    }
  });
});
