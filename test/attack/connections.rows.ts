import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { type Attempt, codes, dropped, each, forbidden } from './attack.js';
import type { ControlPlane } from './control-plane.js';
import { OWN, TARGET, VICTIM } from './identities.js';
import type { Identity } from './requester.js';
import type { PlaneRow, Stage } from './stage.js';

const area = 'connections';
const MAPS = `/api/v1/namespaces/${OWN}/configmaps`;
const SECRET = `/api/v1/namespaces/${VICTIM}/secrets/${TARGET}`;

/** Polls until what a condition reads holds; gives the last reading back. */
async function settled<T>(read: () => Promise<T>, holds: (value: T) => boolean, seconds: number): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await read();
    if (holds(value) || Date.now() > deadline) return value;
    await sleep(100);
  }
}

/** All connections are closed: nothing may count as open. */
async function nothingIsOpen(attempt: Attempt, plane: ControlPlane, what: string): Promise<void> {
  const open = await settled(
    () => plane.openRequests(),
    (count) => count === 0,
    15,
  );
  attempt.check('-', what, 'gauges back at 0', open === 0, `${open} requests count as open`);
}

async function writesStillWork(attempt: Attempt, { who }: Stage, during: string): Promise<void> {
  const name = `still-${Math.random().toString(36).slice(2, 10)}`;
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } };
  const request = { method: 'POST', path: MAPS, body, note: during, timeoutMs: 10_000 };
  await attempt.try(who.administrator, request, codes(201));
  await attempt.try(who.node, { path: '/api/v1/nodes/x', note: during, timeoutMs: 10_000 }, codes(200));
  await attempt.try(who.anonymous, { path: '/readyz', note: during, timeoutMs: 10_000 }, codes(200));
}

async function openMany(plane: ControlPlane, identity: Identity, count: number): Promise<TLSSocket[]> {
  const sockets: TLSSocket[] = [];
  const numbers = Array.from({ length: count }, (_, i) => i);
  const open = async () => {
    // A connection that is refused is one less to hold.
    const socket = await plane.requester.connect(identity).catch(() => undefined);
    if (socket) sockets.push(socket);
  };
  await each(numbers, open, 32);
  return sockets;
}

const authorization = (identity: Identity): string =>
  identity.headers?.['Authorization'] ? `Authorization: ${identity.headers['Authorization']}\r\n` : '';

/** Requests of which an intermediary and the server might see different ends; each hides a second request. */
const HIDDEN = `GET ${SECRET} HTTP/1.1\r\nHost: a\r\n\r\n`;
const SMUGGLED: [string, string][] = [
  [
    'length and chunks',
    `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  ],
  ['two lengths', `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 60\r\n\r\n${HIDDEN}`],
  ['a list of lengths', `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 60\r\n\r\n${HIDDEN}`],
  ['a negative length', `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n${HIDDEN}`],
  ['a length with a sign', `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n${HIDDEN}`],
  ['a hexadecimal length', `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n${HIDDEN}`],
  ['odd chunks', `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n${HIDDEN}`],
  [
    'chunks twice',
    `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${HIDDEN}`,
  ],
  ['a blank before the colon', `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n${HIDDEN}`],
  ['a tab before chunked', `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n${HIDDEN}`],
  ['a folded header', `GET /version HTTP/1.1\r\nHost: a\r\nX-A: b\r\n Content-Length: 5\r\n\r\n`],
  ['no host', 'GET /version HTTP/1.1\r\n\r\n'],
  [
    'two authorizations',
    `GET /version HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`,
  ],
  ['a NUL in a header', `GET /version HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n`],
  ['a header of 20 KB', `GET /version HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(20_000)}\r\n\r\n`],
  ['5000 headers', `GET /version HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(5000)}\r\n`],
  ['a target of 100 KB', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['no HTTP', `${'\x16\x03\x01'.repeat(100)}\r\n\r\n`],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/9.9', 'GET /version HTTP/9.9\r\nHost: a\r\n\r\n'],
  ['a tunnel', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: a\r\n\r\n'],
];

export const connectionRows: PlaneRow[] = [
  {
    area,
    finding: 'no request hides in another',
    run: async (attempt, { plane, who }) => {
      await each(SMUGGLED, async ([what, bytes]) => {
        const answer = await plane.requester.raw(who.anonymous, bytes, 3000);
        const codesSeen = [...answer.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => Number(code));
        attempt.check(
          'anonymous',
          what,
          dropped.says,
          codesSeen.every((code) => code >= 400 && code < 500),
          codesSeen,
        );
        attempt.check('anonymous', what, 'one answer at most', codesSeen.length <= 1, codesSeen);
      });
      const lines = `GET /version HTTP/1.1\nHost: a\n\n${HIDDEN}`;
      const { text } = await plane.requester.raw(who.anonymous, lines, 3000);
      attempt.check('anonymous', 'line feeds alone', 'no secret', !text.includes('"kind":"Secret"'), text);
    },
  },
  {
    area,
    finding: 'what is not authorized is answered before its body is read',
    run: async (attempt, { plane, who }) => {
      for (const identity of [who.anonymous, who.nobody]) {
        for (const [method, path] of [
          ['POST', `/api/v1/namespaces/default/pods`],
          ['PUT', SECRET],
          ['PATCH', SECRET],
          ['DELETE', SECRET],
        ]) {
          const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\n${authorization(identity)}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`;
          const { code } = await plane.requester.raw(identity, head, 3000, /^HTTP\/1\.1 \d{3}/);
          attempt.check(identity.name, `${method} ${path} without its body`, '403', code === 403, code || 'no answer');
        }
      }
    },
  },
  {
    area,
    finding: 'a thousand slow bodies of nobody stop no one',
    run: async (attempt, stage) => {
      const { plane, who } = stage;
      const sockets = await openMany(plane, who.anonymous, 1050);
      for (const socket of sockets) {
        socket.write('POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{');
      }
      await sleep(1000);
      await writesStillWork(attempt, stage, 'slow bodies of nobody');
      for (const socket of sockets) socket.destroy();
      await nothingIsOpen(attempt, plane, 'slow bodies of nobody');
    },
  },
  {
    area,
    finding: 'a thousand slow bodies of one user stop no one else',
    run: async (attempt, stage) => {
      const { plane, who } = stage;
      const sockets = await openMany(plane, who.editor, 1050);
      const head = `POST ${MAPS} HTTP/1.1\r\nHost: a\r\n${authorization(who.editor)}Content-Length: 100\r\n\r\n{`;
      for (const socket of sockets) socket.write(head);
      await sleep(1000);
      await writesStillWork(attempt, stage, 'slow bodies of an editor');
      for (const socket of sockets) socket.destroy();
      await nothingIsOpen(attempt, plane, 'slow bodies of an editor');
    },
  },
  {
    area,
    finding: 'pipelined requests leave nothing behind when their connection dies',
    run: async (attempt, stage) => {
      const { plane, who } = stage;
      const forms: [string, Identity, string][] = [
        ['reads of nobody', who.anonymous, 'GET /api/v1/pods HTTP/1.1\r\nHost: a\r\n\r\n'],
        [
          'writes of nobody',
          who.anonymous,
          'POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
        ],
        ['reads of an editor', who.editor, `GET ${MAPS} HTTP/1.1\r\nHost: a\r\n${authorization(who.editor)}\r\n`],
        [
          'watches of an editor',
          who.editor,
          `GET ${MAPS}?watch=1 HTTP/1.1\r\nHost: a\r\n${authorization(who.editor)}\r\n`,
        ],
        [
          'writes of an editor',
          who.editor,
          `DELETE ${MAPS}/none HTTP/1.1\r\nHost: a\r\n${authorization(who.editor)}\r\n`,
        ],
      ];
      for (const [what, identity, request] of forms) {
        for (const patience of [0, 20, 200]) {
          const sockets = await openMany(plane, identity, 4);
          for (const socket of sockets) socket.write(request.repeat(300));
          await sleep(patience);
          for (const socket of sockets) socket.destroy();
        }
        await nothingIsOpen(attempt, plane, `pipelined ${what}`);
      }
      await writesStillWork(attempt, stage, 'after pipelining');
    },
  },
  {
    area,
    finding: 'metrics are bounded, whatever is asked for',
    run: async (attempt, { plane, who }) => {
      const before = await plane.metrics();
      const resident = plane.residentMiB;
      const mark = 'attackersown';
      await each(
        Array.from({ length: 500 }, (_, i) => i),
        async (i) => {
          const long = `${mark}${i}${'g'.repeat(i % 2 ? 10_000 : 10)}`;
          await attempt.try(who.anonymous, { path: `/apis/${long}/v1/x?watch=1` }, forbidden);
          await attempt.try(
            who.nobody,
            { path: `/api/v1/${long}/${long}/${long}?dryRun=${long}`.slice(0, 14_000) },
            forbidden,
          );
          await attempt.try(
            who.owner,
            { path: `${MAPS}?dryRun=${mark}${i}&watch=0` },
            { says: 'an answer', accepts: () => true },
          );
          await attempt.try(who.owner, { path: `/api/v1/namespaces/${OWN}/${mark}${i}` }, codes(404));
          await attempt.try(who.owner, { path: `${MAPS}/own/${mark}${i}` }, codes(404));
        },
      );
      const after = await plane.metrics();
      attempt.check(
        'all',
        '/metrics',
        'no label of an attacker',
        !after.includes(mark),
        after.slice(Math.max(0, after.indexOf(mark) - 100)).slice(0, 300),
      );
      const grown = after.length - before.length;
      attempt.check('all', '/metrics', 'at most 200 KB more', grown < 200_000, `${grown} bytes more`);
      const more = plane.residentMiB - resident;
      attempt.check('all', '2500 requests', 'at most 150 MiB more', more < 150, `${more.toFixed(0)} MiB more`);
    },
  },
  {
    area,
    finding: 'unread watches share what they are sent',
    run: async (attempt, { plane, who }) => {
      await plane.create(MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'watched' } });
      const sockets = await openMany(plane, who.viewer, 100);
      const request = `GET ${MAPS}?watch=1&fieldSelector=metadata.name%3Dwatched HTTP/1.1\r\nHost: a\r\n${authorization(who.viewer)}\r\n`;
      for (const socket of sockets) {
        socket.pause();
        socket.write(request);
      }
      const opened = await settled(
        () => plane.openRequests(),
        (count) => count >= sockets.length,
        15,
      );
      attempt.check(who.viewer.name, '100 watches', 'all open', opened >= 100, opened);
      const before = plane.residentMiB;
      let most = before;
      for (let i = 0; i < 40; i++) {
        const data = { text: `${i}`.repeat(250_000).slice(0, 250_000) };
        await plane.json(`${MAPS}/watched`, { method: 'PATCH', body: { data } });
        await sleep(100);
        most = Math.max(most, plane.residentMiB);
      }
      for (const socket of sockets) socket.destroy();
      attempt.check(
        who.viewer.name,
        '100 unread watches, 10 MB written',
        'at most 250 MiB more',
        most - before < 250,
        `${(most - before).toFixed(0)} MiB more`,
      );
      await nothingIsOpen(attempt, plane, 'unread watches');
      await plane.json(`${MAPS}/watched`, { method: 'DELETE' });
    },
  },
  {
    area,
    finding: 'a watch lasts as long as it was asked to, within what a timer can hold',
    run: async (attempt, { plane, who }) => {
      for (const seconds of ['2147484', '9223372036854775807']) {
        const head = `GET ${MAPS}?watch=1&timeoutSeconds=${seconds} HTTP/1.1\r\nHost: a\r\n${authorization(who.viewer)}\r\n`;
        const { code, text } = await plane.requester.raw(who.viewer, head, 2000);
        attempt.check(
          who.viewer.name,
          `timeoutSeconds=${seconds}`,
          '200, not ended',
          code === 200 && !text.endsWith('0\r\n\r\n'),
          text.slice(-100),
        );
      }
      attempt.check(
        '-',
        'log of the server',
        'no timer overflow',
        !plane.log.includes('TimeoutOverflowWarning'),
        'TimeoutOverflowWarning',
      );
    },
  },
  {
    area,
    finding: 'a request or connection that does not go on is ended within 75 s',
    run: async (attempt, { plane, who }) => {
      const begun = Date.now();
      const longest = 75;
      const ends: [string, Identity | undefined, string][] = [
        ['half of a header', who.anonymous, 'GET /version HTTP/1.1\r\nHost: a\r\nX-A: '],
        ['silence after TLS', who.anonymous, ''],
        [
          'a body that stops, of nobody',
          who.anonymous,
          `POST ${MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{`,
        ],
        [
          'a body that stops, of an editor',
          who.editor,
          `POST ${MAPS} HTTP/1.1\r\nHost: a\r\n${authorization(who.editor)}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
        ],
        [
          'a chunk that stops, of an editor',
          who.editor,
          `POST ${MAPS} HTTP/1.1\r\nHost: a\r\n${authorization(who.editor)}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{`,
        ],
        ['silence before TLS', undefined, ''],
      ];
      await Promise.all(
        ends.map(async ([what, identity, bytes]) => {
          const socket = identity ? await plane.requester.connect(identity) : connectTcp(plane.port, plane.address);
          const ended = new Promise<boolean>((resolve) => {
            socket.on('error', () => {});
            socket.on('close', () => resolve(true));
            socket.on('end', () => resolve(true));
            setTimeout(() => resolve(false), longest * 1000).unref();
          });
          // An answer ends a request as well as a closed connection does; what it says is looked at elsewhere.
          const answered = new Promise<boolean>((resolve) => socket.once('data', () => resolve(true)));
          // Slower than any time-out between bytes, and never done.
          const drip = setInterval(() => bytes !== '' && socket.write(' '), 10_000);
          if (bytes !== '') socket.write(bytes);
          const over = await Promise.race([ended, answered]);
          clearInterval(drip);
          socket.destroy();
          attempt.check(
            identity?.name ?? '-',
            what,
            `ended in ${longest} s`,
            over,
            `still open after ${((Date.now() - begun) / 1000).toFixed(0)} s`,
          );
        }),
      );
      await nothingIsOpen(attempt, plane, 'requests that do not go on');
    },
  },
];
