import { codes, type Expected, each, forbidden, unauthorized } from './attack.js';
import type { NodeRow } from './node-scenery.js';
import type { Identity } from './requester.js';

const area = 'node server';
const PLAIN = ['default', 'plain', 'main'].join('/');
const UPGRADE = { Connection: 'Upgrade', Upgrade: 'websocket' };
const HANDSHAKE = { ...UPGRADE, 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' };

/** Every kind of path that a node serves, and some that it does not. */
const PATHS = [
  '/',
  '/pods',
  '/runningpods',
  '/healthz',
  '/healthz/syncloop',
  '/configz',
  '/metrics',
  '/metrics/cadvisor',
  '/metrics/resource',
  '/metrics/probes',
  '/stats/summary',
  '/stats',
  '/logs/',
  '/logs/dpkg.log',
  `/containerLogs/${PLAIN}`,
  `/exec/${PLAIN}?command=id&output=1`,
  `/attach/${PLAIN}?output=1`,
  '/portForward/default/plain?port=8080',
  `/run/${PLAIN}?cmd=id`,
  '/checkpoint/default/plain/main',
  '/volumes/local-path/default_data_pvc-1',
  '/volumes/local-path/..%2f..%2fetc',
  '/volumes/local-path/',
  '/volumes/local-path/default/claim?root=/etc&capacity=1',
  '/volumes/contents?path=/etc',
  '/debug/pprof/',
  '/debug/flags/v',
  '/spec/',
  '/cri/exec/abc',
  '/api/v1/pods',
  '/version',
];
/** What nodes/proxy does not open: logs of the machine, metrics and statistics have rights of their own. */
const APART = ['/logs/', '/logs/dpkg.log', '/metrics', '/metrics/cadvisor', '/metrics/resource', '/stats/summary'];
const odd = (path: string): string[] => {
  const [, first, ...rest] = path.split('/');
  const after = rest.length > 0 ? `/${rest.join('/')}` : '';
  return [
    path,
    `/${path}`,
    `/.${path}`,
    `/./${path}`,
    `/.//${path.slice(1)}`,
    `/a/..${path}`,
    `/a/..//${path.slice(1)}`,
    `/pods/..${path}`,
    `/healthz/..${path}`,
    `/%2e${path}`,
    `/%2f${path.slice(1)}`,
    `/a/%2e%2e${path}`,
    `/%6${first!.charCodeAt(0).toString(16).slice(1)}${first!.slice(1)}${after}`,
    `${path}/`,
    `${path}//`,
    `${path}/.`,
    `${path}?x=/pods`,
    `${path};/pods`,
    `${path}%3f/pods`,
    `${path}#/pods`,
    `/${first!.toUpperCase()}${after}`,
    `/pods;/..${path}`,
  ];
};
const notServed: Expected = {
  says: 'no success',
  accepts: ({ code }) => code !== 0 && (code < 200 || code >= 300) && code !== 101 && code < 500,
};

const notAnswered: Expected = { says: 'no success', accepts: ({ code }) => code >= 400 };

export const nodeServerRows: NodeRow[] = [
  {
    area,
    finding: 'whoever may ask is answered',
    run: async (attempt, { who }) => {
      for (const path of ['/pods', '/healthz', '/metrics', '/stats/summary', '/logs/', `/containerLogs/${PLAIN}`]) {
        await attempt.try(who.administrator, { path }, codes(200));
      }
      await attempt.try(who.proxier, { path: '/pods' }, codes(200));
    },
  },
  {
    area,
    finding: 'nobody is let in without an identity or with a forged one',
    run: (attempt, { who }) =>
      each(PATHS, async (path) => {
        for (const identity of [who.nobody, who.otherAudience, ...who.forged]) {
          const expected: Expected = identity.cert ? codes(0, 401) : unauthorized;
          for (const method of ['GET', 'POST']) await attempt.try(identity, { method, path }, expected);
          await attempt.try(identity, { path, headers: HANDSHAKE, note: 'WebSocket' }, expected);
        }
      }),
  },
  {
    area,
    finding: 'an identity without rights is told so for every path and method',
    run: (attempt, { who }) =>
      each(PATHS, async (path) => {
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
          await attempt.try(who.rightless, { method, path }, codes(403, 405));
        }
        await attempt.try(who.rightless, { path, headers: HANDSHAKE, note: 'WebSocket' }, forbidden);
      }),
  },
  {
    area,
    finding: 'a node is no client of its own server',
    run: (attempt, { who }) => each(PATHS, (path) => attempt.try(who.node, { path }, forbidden)),
  },
  {
    area,
    finding: 'headers give nobody another identity',
    run: async (attempt, { who }) => {
      const headers = {
        'X-Remote-User': 'kubernetes-admin',
        'X-Remote-Group': 'system:masters',
        'Impersonate-User': 'kubernetes-admin',
        'X-HTTP-Method-Override': 'POST',
        'X-Forwarded-For': '127.0.0.1',
      };
      for (const path of PATHS) {
        await attempt.try(who.nobody, { path, headers }, unauthorized);
        await attempt.try(who.rightless, { path, headers }, forbidden);
      }
      const token = who.proxier.headers!['Authorization']!.slice('Bearer '.length);
      const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`;
      const inProtocol = { ...HANDSHAKE, 'Sec-WebSocket-Protocol': `v4.channel.k8s.io, ${protocol}` };
      await attempt.try(who.nobody, { path: PATHS[15]!, headers: inProtocol }, unauthorized);
      await attempt.try(who.nobody, { path: `/pods?access_token=${token}` }, unauthorized);
    },
  },
  {
    area,
    finding: 'no spelling of a path opens what nodes/proxy does not',
    run: (attempt, { who }) =>
      each(APART.flatMap(odd), async (path) => {
        for (const identity of [who.proxier, who.rightless, who.nobody])
          await attempt.try(identity, { path }, notServed);
      }),
  },
  {
    area,
    finding: 'no path leaves the folder of logs',
    run: async (attempt, { who }) => {
      const ups = ['..', '%2e%2e', '..%2f..', '%2e%2e%2f', '....//', '..;', '..%00', '..%5c', '%252e%252e'];
      for (const up of ups) {
        for (const path of [
          `/logs/${up}/${up}/etc/passwd`,
          `/logs/${up}/${up}/${up}/etc/passwd`,
          `/containerLogs/${up}/${up}/etc/passwd`,
          `/logs/${up}%2f${up}%2fetc%2fpasswd`,
        ]) {
          const { text } = await attempt.try(who.administrator, { path }, notServed);
          attempt.check('administrator', path, 'no /etc/passwd', !text.includes('root:'), text);
        }
      }
      await attempt.try(who.administrator, { path: '/logs//etc/passwd' }, notServed);
    },
  },
  {
    area,
    finding: 'a pod is named by its namespace, uid and container together',
    run: async (attempt, { who }) => {
      const uid = '00000000-0000-0000-0000-000000000000';
      const paths = [
        `/exec/default/plain/${uid}/main?command=id&output=1`,
        '/exec/kube-system/plain/main?command=id&output=1',
        '/exec/default/plain/none?command=id&output=1',
        '/exec/default/__proto__/main?command=id&output=1',
        '/exec/default/plain/__proto__?command=id&output=1',
        '/containerLogs/default/plain/__proto__',
        '/containerLogs/constructor/plain/main',
        '/portForward/default/none?port=80',
      ];
      for (const path of paths) {
        for (const headers of [{}, HANDSHAKE]) {
          // Of a container that is not there the reference says 500, too.
          await attempt.try(who.administrator, { path, headers, serverErrorAllowed: true }, notAnswered);
        }
      }
    },
  },
  {
    area,
    finding: 'a handshake that is none gets an answer in HTTP',
    run: async (attempt, { node, who }) => {
      const ask = async (identity: Identity, lines: string[], expected: (code: number) => boolean) => {
        const head = `GET /exec/${PLAIN}?command=id&output=1 HTTP/1.1\r\nHost: node\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
        const { code, text } = await node.requester.raw(identity, head, 4000);
        attempt.check(
          identity.name,
          lines.join(', '),
          'an answer of 4xx',
          expected(code),
          code || `no answer: ${text}`,
        );
      };
      const refusal = (code: number) => code >= 400 && code < 500;
      const begin = ['Connection: Upgrade', 'Upgrade: websocket'];
      await ask(who.administrator, begin, refusal);
      await ask(who.administrator, [...begin, 'Sec-WebSocket-Version: 13'], refusal);
      await ask(who.administrator, [...begin, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: short'], refusal);
      await ask(
        who.administrator,
        [...begin, 'Sec-WebSocket-Version: 99', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='],
        refusal,
      );
      await ask(
        who.administrator,
        [
          ...begin,
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
          'Sec-WebSocket-Protocol: constructor',
        ],
        refusal,
      );
      await ask(who.nobody, begin, refusal);
    },
  },
  {
    area,
    finding: 'no bytes stop the server',
    run: async (attempt, { node, who }) => {
      const junk = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256));
      const handshake = (protocol: string) =>
        `GET /exec/${PLAIN}?command=cat&input=1&output=1 HTTP/1.1\r\nHost: node\r\n${Object.entries({
          ...HANDSHAKE,
          'Sec-WebSocket-Protocol': protocol,
        })
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join('')}\r\n`;
      const spdy = `POST /exec/${PLAIN}?command=cat&input=1&output=1 HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n`;
      const texts: [string, Identity, Buffer][] = [
        ['junk', who.nobody, junk],
        [
          'length and chunks',
          who.administrator,
          Buffer.from(
            'POST /pods HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
          ),
        ],
        [
          'a header of 20 KB',
          who.administrator,
          Buffer.from(`GET /pods HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
        ],
        ['%zz', who.administrator, Buffer.from('GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n')],
        ['absolute form', who.administrator, Buffer.from('GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n')],
        ['CONNECT', who.administrator, Buffer.from('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: a\r\n\r\n')],
        ['junk after WebSocket', who.administrator, Buffer.concat([Buffer.from(handshake('v5.channel.k8s.io')), junk])],
        ['junk after SPDY', who.administrator, Buffer.concat([Buffer.from(spdy), junk])],
        [
          'a SPDY frame of 16 MB',
          who.administrator,
          Buffer.concat([Buffer.from(spdy), Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff])]),
        ],
      ];
      for (const [what, identity, bytes] of texts) {
        const { text } = await node.requester.raw(identity, bytes, 1500);
        const server = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].some(
          ([, code]) => Number(code) >= 500 && Number(code) !== 501,
        );
        attempt.check(identity.name, what, 'no server error', !server, text.slice(0, 200));
        await attempt.try(who.administrator, { path: '/healthz', note: `after ${what}` }, codes(200));
      }
    },
  },
];
