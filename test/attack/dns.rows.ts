import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run } from './node.js';
import type { NodeRow, NodeStage } from './node-scenery.js';

const area = 'dns';
const PORT = 10053;
const INSIDE = 'kubernetes.default.svc.cluster.local';
const OUTSIDE = 'www.example.test';
/** Of `192.0.2.7`, what the suite's nameserver says of every name outside. */
const ANSWERED = 'answered';

/** As the program sees it: `dns-query.js ADDRESS PORT NAME [udp|tcp]` prints what came back. */
const QUERY = join(dirname(fileURLToPath(import.meta.url)), 'dns-query.js');

async function ask({ node }: NodeStage, name: string, transport: string, network?: string): Promise<string> {
  const command = [process.execPath, QUERY, node.address, String(PORT), name, transport];
  const [program, ...args] = network ? ['ip', 'netns', 'exec', network, ...command] : command;
  return (await run(program!, args, '', 10)).text.trim();
}

/** A machine beside the node, in a network of its own: reached by a link, of no address of the cluster. */
async function asStranger<T>(stage: NodeStage, work: (network: string) => Promise<T>): Promise<T> {
  const stranger = `${stage.node.network}-s`;
  const ip = (...args: string[]) => execFileSync('ip', args);
  ip('netns', 'add', stranger);
  try {
    ip('link', 'add', 'stranger0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', stranger);
    ip('addr', 'add', '198.51.100.1/24', 'dev', 'stranger0');
    ip('link', 'set', 'stranger0', 'up');
    ip('-n', stranger, 'addr', 'add', '198.51.100.2/24', 'dev', 'eth0');
    ip('-n', stranger, 'link', 'set', 'eth0', 'up');
    ip('-n', stranger, 'link', 'set', 'lo', 'up');
    ip('-n', stranger, 'route', 'add', 'default', 'via', '198.51.100.1');
    return await work(stranger);
  } finally {
    ip('netns', 'delete', stranger);
  }
}

export const dnsRows: NodeRow[] = [
  {
    area,
    finding: 'the cluster itself is answered',
    run: async (attempt, stage) => {
      for (const transport of ['udp', 'tcp']) {
        // The suite's nameserver speaks UDP alone.
        for (const name of transport === 'udp' ? [INSIDE, OUTSIDE] : [INSIDE]) {
          const said = await ask(stage, name, transport);
          attempt.check('the node', `${name} by ${transport}`, ANSWERED, said.startsWith(ANSWERED), said);
        }
      }
      const { text } = await stage.node.exec('plain', `nslookup ${INSIDE}; nslookup ${OUTSIDE}`);
      attempt.check(
        'a pod',
        `nslookup ${INSIDE} and ${OUTSIDE}`,
        'both addresses',
        text.includes('10.96.0.1') && text.includes('192.0.2.7'),
        text,
      );
    },
  },
  {
    area,
    finding: 'a stranger is not forwarded for and learns no name',
    run: (attempt, stage) =>
      asStranger(stage, async (network) => {
        for (const transport of ['udp', 'tcp']) {
          for (const name of [OUTSIDE, INSIDE, '10.0.96.10.in-addr.arpa', 'cluster.local']) {
            const said = await ask(stage, name, transport, network);
            const kept = said === 'nothing' || said.startsWith('REFUSED');
            attempt.check('a machine outside', `${name} by ${transport}`, 'REFUSED or nothing', kept, said);
          }
        }
        const { text } = await run(
          'ip',
          ['netns', 'exec', network, 'ping', '-c', '1', '-W', '2', stage.node.address],
          '',
          5,
        );
        const reaches = text.includes('1 received') || text.includes('not found') || /No such file/.test(text);
        attempt.check('a machine outside', 'ping', 'the node can be reached at all', reaches, text);
      }),
  },
  {
    area,
    finding: 'broken packets stop nothing',
    run: async (attempt, stage) => {
      const { address } = stage.node;
      const good = query(INSIDE);
      const socket = createSocket('udp4');
      const packets = [
        Buffer.alloc(0),
        Buffer.alloc(12),
        Buffer.alloc(65_000, 0xff),
        Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
        Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 14, 0xc0, 12, 0, 1, 0, 1])]),
        Buffer.concat([good.subarray(0, 12), Buffer.alloc(200, 1), Buffer.from([0, 0, 1, 0, 1])]),
        ...Array.from({ length: good.length }, (_, i) => good.subarray(0, i)),
        ...Array.from({ length: 400 }, (_, i) => mutated(good, i)),
      ];
      for (const packet of packets) {
        socket.send(packet, PORT, address);
        if (Math.random() < 0.1) await sleep(1);
      }
      for (const length of [0, 1, 11, 12, 65_535]) {
        const tcp = connect(PORT, address);
        tcp.on('error', () => {});
        tcp.write(Buffer.from([length >> 8, length & 255, ...good]));
        setTimeout(() => tcp.destroy(), 1500).unref();
      }
      await sleep(1600);
      socket.close();
      const said = await ask(stage, INSIDE, 'udp');
      attempt.check(
        'the node',
        `${INSIDE} after ${packets.length} broken packets`,
        ANSWERED,
        said.startsWith(ANSWERED),
        said,
      );
      const restarted = await stage.node.restarted();
      attempt.check('-', 'berth-dns', 'the same process', !restarted.some((line) => line.startsWith('dns')), restarted);
    },
  },
  {
    area,
    finding: 'a thousand open connections of one client stop no other',
    run: async (attempt, stage) => {
      const sockets: Socket[] = [];
      for (let i = 0; i < 1100; i++) {
        const socket = connect(PORT, stage.node.address);
        socket.on('error', () => {});
        // Many questions whose answers nobody reads.
        socket.pause();
        const question = query(OUTSIDE);
        const framed = Buffer.concat([Buffer.from([0, question.length]), question]);
        socket.write(Buffer.concat(Array(20).fill(framed)));
        sockets.push(socket);
        if (i % 50 === 49) await sleep(20);
      }
      await sleep(1000);
      for (const name of [INSIDE, OUTSIDE]) {
        const { text } = await stage.node.exec('plain', `nslookup ${name}`, 12);
        attempt.check(
          'a pod',
          `nslookup ${name} meanwhile`,
          'an address',
          /10\.96\.0\.1|192\.0\.2\.7/.test(text),
          text,
        );
      }
      const { text } = await stage.node.exec(
        'plain',
        `printf '\\0\\0' | nc -w 3 ${stage.node.address} ${PORT} && echo connected`,
        12,
      );
      attempt.check('a pod', 'TCP meanwhile', 'a connection', text.includes('connected'), text);
      for (const socket of sockets) socket.destroy();
      const said = await ask(stage, OUTSIDE, 'udp');
      attempt.check('the node', `${OUTSIDE} afterwards`, ANSWERED, said.startsWith(ANSWERED), said);
    },
  },
];

/** A question for an A record. */
export function query(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([
    Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels,
    Buffer.from([0, 0, 1, 0, 1]),
  ]);
}

/** Some bytes changed, the same ones each time. */
function mutated(packet: Buffer, seed: number): Buffer {
  const copy = Buffer.from(packet);
  for (let i = 0; i <= seed % 5; i++) copy[(seed * 31 + i * 17) % copy.length] = (seed * 7 + i * 101) % 256;
  return copy;
}
