import assert from 'node:assert/strict';
import { listeningPorts, readSocketTables, type SocketTables } from './listening-ports.js';

const line = (local: string, state: string) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 0 0 1`;
const ZERO = '0'.repeat(32);

const tables = (more: Partial<SocketTables>): SocketTables => ({
  tcp: '',
  tcp6: '',
  udp: '',
  udp6: '',
  localPortRange: '32768\t60999\n',
  ...more,
});

describe('the ports at which a node listens', () => {
  const cases: [what: string, Partial<SocketTables>, string][] = [
    ['none', {}, ''],
    ['any address', { tcp: line('00000000:0016', '0A') }, 'TCP/22'],
    ["the node's address", { tcp: line('010200C0:0050', '0A') }, 'TCP/80'],
    ['not loopback', { tcp: line('0100007F:0050', '0A') }, ''],
    ["not another's address", { tcp: line('020200C0:0050', '0A') }, ''],
    ['not a connection', { tcp: line('010200C0:0050', '01') }, ''],
    ['any address of both families', { tcp6: line(`${ZERO}:01BB`, '0A') }, 'TCP/443'],
    ['an IPv6 address', { tcp6: line('B80D0120000000000000000001000000:01BB', '0A') }, 'TCP/443'],
    ['an IPv4 address in a socket of IPv6', { tcp6: line('0000000000000000FFFF0000010200C0:1F90', '0A') }, 'TCP/8080'],
    ['UDP', { udp: line('00000000:0035', '07') }, 'UDP/53'],
    ['not the port of a client', { udp: line('00000000:9C40', '07') }, ''],
    [
      'each once, in order',
      { tcp: [line('00000000:01BB', '0A'), line('00000000:0016', '0A')].join('\n'), tcp6: line(`${ZERO}:0016`, '0A') },
      'TCP/22,TCP/443',
    ],
  ];
  test.each(cases)('%s', (_, more, expected) => {
    assert.equal(listeningPorts(tables(more), ['192.0.2.1', '2001:db8::1']), expected);
  });

  test('are read from the kernel', async () => {
    const { createServer } = await import('node:net');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    const { port } = server.address() as { port: number };
    try {
      assert.ok(
        listeningPorts(await readSocketTables(), [])
          .split(',')
          .includes(`TCP/${port}`),
      );
    } finally {
      server.close();
    }
  });
});
