import { anyAnswer, clientError, codes, type Expected, each } from './attack.js';
import { OWN, TARGET, VICTIM } from './identities.js';
import type { Request } from './requester.js';
import type { PlaneRow } from './stage.js';

const area = 'paths';
const PASSWORD = Buffer.from('the-password-of-the-victim').toString('base64');
const UPGRADE = { Connection: 'Upgrade', Upgrade: 'websocket' };
const SECRET = `/api/v1/namespaces/${VICTIM}/secrets/${TARGET}`;

/** Names that every object of the language has. */
const PROTOTYPE_NAMES = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];

/** Ways to write the path of the victim's Secret, or one that a lenient reader takes for it. */
const ODD_FORMS = [
  ...[
    '/',
    '//',
    '/.',
    '/./',
    '/..',
    '?',
    '#',
    ';',
    ';a=b',
    '%00',
    '%20',
    '.',
    '%2f',
    '?namespace=attack',
    '?x=%zz',
  ].map((end) => `${SECRET}${end}`),
  ...['/', '//', '/.', '/./', '/x/..', '/%2e', '/%2f', '/%5c'].map((begin) => `${begin}${SECRET}`),
  SECRET.replace('/secrets', '//secrets'),
  SECRET.replace('/secrets', '/./secrets'),
  SECRET.replace('/secrets', '/x/../secrets'),
  SECRET.replace('/secrets', '%2fsecrets'),
  SECRET.replace('secrets', 'Secrets'),
  SECRET.replace('secrets', 'secret'),
  SECRET.replace('secrets', '%73ecrets'),
  SECRET.replace('secrets', 's%65crets%2f'),
  SECRET.replace('v1', 'V1'),
  SECRET.replace('/api/', '/API/'),
  SECRET.replace('/api/', '/apis/'),
  SECRET.replace('/api/v1', '/apis//v1'),
  SECRET.replace('/api/v1', '/apis/core/v1'),
  SECRET.replace('victim', 'VICTIM'),
  SECRET.replace('victim', 'v%69ctim'),
  SECRET.replace('victim', 'victim%20'),
  SECRET.replace('victim', 'victim%00'),
  SECRET.replace('victim', '%76%69%63%74%69%6d'),
  SECRET.replaceAll('/', '\\'),
  SECRET.replaceAll('/', '%2f'),
  ...['..', '%2e%2e', '.%2e', '%252e%252e', '..%2f..%2f', '..;'].flatMap((up) => [
    `/api/v1/namespaces/${OWN}/${up}/${VICTIM}/secrets/${TARGET}`,
    `/api/v1/namespaces/${OWN}%2f${up}%2f${VICTIM}/secrets/${TARGET}`,
    `/api/v1/namespaces/${OWN}/secrets/${up}/${up}/${VICTIM}/secrets/${TARGET}`,
    `/healthz/${up}${SECRET}`,
    `/version/${up}${SECRET}`,
    `/openapi/v3/${up}/..${SECRET}`,
  ]),
  `/api/v1/namespaces/${OWN}/secrets/../../${VICTIM}/secrets/${TARGET}`,
  `/api/v1/namespaces//secrets/${TARGET}`,
  `/api/v1/namespaces/*/secrets/${TARGET}`,
  `/api/v1/namespaces/${OWN},${VICTIM}/secrets/${TARGET}`,
  `/api/v1/namespaces/${OWN}/secrets/${VICTIM}%2f${TARGET}`,
  `/api/v1/namespaces/${OWN}/secrets/${VICTIM}/${TARGET}`,
  `/api/v1/namespaces/${OWN}/pods/runner/../../../${VICTIM}/secrets/${TARGET}`,
  `/api/v1/namespaces/${OWN}/services/x/proxy/../../../../${VICTIM}/secrets/${TARGET}`,
  `https://10.96.0.1${SECRET}`,
  `*${SECRET}`,
];

/** What cannot be parsed is refused at once, or its connection ends. */
const patient = (request: Request): Request => ({ ...request, timeoutMs: 5000 });

/** Neither success nor the Secret; what else is said is the server's choice. */
const nothing: Expected = {
  says: 'no success and no secret',
  accepts: ({ code, text }) => (code < 200 || code >= 300) && !text.includes(PASSWORD),
};

export const pathRows: PlaneRow[] = [
  {
    area,
    finding: 'no spelling of a path leads around authorization',
    run: (attempt, { who }) =>
      each(ODD_FORMS, async (path) => {
        const expected = /^\/(healthz|version|openapi)/.test(path) ? anyAnswer : nothing;
        for (const identity of [who.anonymous, who.nobody, who.owner, who.node]) {
          for (const request of [{ path }, { path, headers: UPGRADE, note: 'WebSocket' }].map(patient)) {
            const { text } = await attempt.try(identity, request, expected);
            attempt.check(identity.name, path, 'no secret', !text.includes(PASSWORD), text);
          }
        }
        await attempt.try(who.administrator, patient({ path }), { says: 'no server error', accepts: () => true });
      }),
  },
  {
    area,
    finding: 'names of the language in a path are ordinary names that are not there',
    run: (attempt, { who }) =>
      each(PROTOTYPE_NAMES, async (name) => {
        const paths = [
          `/${name}`,
          `/api/${name}`,
          `/apis/${name}`,
          `/apis/${name}/v1/x`,
          `/apis/apps/${name}`,
          `/apis/apps/${name}/x`,
          `/apis/apps/v1/${name}`,
          `/api/v1/${name}`,
          `/api/v1/${name}/x`,
          `/api/v1/${name}/x/y`,
          `/api/v1/watch/${name}`,
          `/api/v1/namespaces/${OWN}/${name}`,
          `/api/v1/namespaces/${OWN}/${name}/x/${name}`,
          `/api/v1/namespaces/${OWN}/pods/runner/${name}`,
          `/api/v1/nodes/x/${name}`,
          `/openapi/v3/apis/${name}`,
          `/healthz/${name}`,
          `/livez/${name}`,
        ];
        for (const path of paths) {
          for (const identity of [who.anonymous, who.administrator]) {
            for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
              await attempt.try(identity, { method, path }, clientError);
            }
            await attempt.try(identity, { path, headers: UPGRADE, note: 'WebSocket' }, clientError);
          }
        }
        await attempt.try(
          who.administrator,
          { path: `/api/v1/namespaces/${OWN}/configmaps?fieldSelector=${name}%3Dx` },
          codes(400),
        );
        for (const query of [`labelSelector=${name}`, `dryRun=${name}`, `${name}=x`, `fieldManager=${name}`]) {
          await attempt.try(who.administrator, { path: `/api/v1/namespaces/${OWN}/configmaps?${query}` }, anyAnswer);
        }
      }),
  },
  {
    area,
    finding: 'a URL that cannot be decoded is the fault of its sender',
    run: async (attempt, { who }) => {
      for (const path of ['/%zz', '/api/v1/%', '/api/v1/pods/%e0%a4%a', '/api/v1/namespaces/%ff/pods', '/%c0%af']) {
        for (const identity of [who.anonymous, who.administrator]) {
          await attempt.try(identity, { path }, clientError);
          await attempt.try(identity, { path, headers: UPGRADE, note: 'WebSocket' }, clientError);
        }
      }
    },
  },
  {
    area,
    finding: 'a slash at the end of a discovery path changes nothing',
    run: async (attempt, { who }) => {
      for (const path of ['/api', '/apis', '/api/v1', '/apis/apps', '/apis/apps/v1', '/version']) {
        await attempt.try(who.administrator, { path }, codes(200));
        await attempt.try(who.administrator, { path: `${path}/` }, codes(200));
      }
    },
  },
  {
    area,
    finding: 'an upgrade that the server does not offer is ignored',
    run: async (attempt, { who }) => {
      for (const upgrade of ['websocket', 'h2c', 'TLS/1.0', 'constructor', '']) {
        const headers = { Connection: 'Upgrade', Upgrade: upgrade };
        for (const path of ['/healthz', '/version', '/api/v1/namespaces/default', '/metrics']) {
          await attempt.try(who.administrator, { path, headers, note: `Upgrade: ${upgrade}` }, codes(200));
        }
      }
    },
  },
  {
    area,
    finding: 'methods and headers that rewrite a request are not obeyed',
    run: async (attempt, { who, plane }) => {
      const path = `/api/v1/namespaces/${OWN}/configmaps/own`;
      for (const method of ['TRACE', 'OPTIONS', 'PROPFIND', 'PURGE', 'LINK', 'SEARCH', 'MKCOL', 'M-SEARCH']) {
        for (const identity of [who.anonymous, who.owner]) await attempt.try(identity, { method, path }, clientError);
      }
      const rewrites: Record<string, string>[] = [
        { 'X-HTTP-Method-Override': 'DELETE' },
        { 'X-HTTP-Method': 'DELETE' },
        { 'X-Method-Override': 'DELETE' },
        { 'X-Original-URL': SECRET },
        { 'X-Rewrite-URL': SECRET },
        { 'X-Forwarded-Prefix': SECRET },
        { 'X-Forwarded-For': '127.0.0.1', 'X-Real-IP': '127.0.0.1' },
        { 'X-Forwarded-User': 'kubernetes-admin', 'X-Forwarded-Groups': 'system:masters' },
        { Forwarded: 'for=127.0.0.1;host=kubernetes' },
        { Cookie: 'token=admin' },
      ];
      for (const headers of rewrites) {
        const note = Object.keys(headers)[0]!;
        const { text } = await attempt.try(who.owner, { path, headers, note }, codes(200));
        attempt.check(who.owner.name, note, 'the own object', text.includes('"name":"own"'), text);
        await attempt.try(who.anonymous, { path, headers, note }, codes(403));
      }
      await plane.json(path);
    },
  },
];
