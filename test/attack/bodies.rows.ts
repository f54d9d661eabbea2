import { gzipSync } from 'node:zlib';
import type { KubeObject } from '#apimachinery';
import { encodeObject } from '../../apps/api/src/codec/protobuf/envelope.js';
import { anyAnswer, clientError, codes, type Expected, each } from './attack.js';
import { besideOthers } from './bystander.js';
import { OWN } from './identities.js';
import type { PlaneRow } from './stage.js';

const area = 'bodies';
const MAPS = `/api/v1/namespaces/${OWN}/configmaps`;
const ROLES = `/apis/rbac.authorization.k8s.io/v1/namespaces/${OWN}/roles`;
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const YAML = { 'Content-Type': 'application/yaml' };

const map = (name: string, more: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more });
const numbered = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i));
const accepted: Expected = { says: '2xx', accepts: ({ code }) => code >= 200 && code < 300 };

export const bodyRows: PlaneRow[] = [
  {
    area,
    finding: 'no YAML text stops the server',
    run: async (attempt, stage) => {
      const texts: [string, string][] = [
        ['500 000 documents', '---\n'.repeat(500_000)],
        ['1 000 000 comments', '#\n'.repeat(1_000_000)],
        ['150 000 keys', numbered(150_000, (i) => `k${i}: v`).join('\n')],
        ['200 000 anchors', '- &a x\n'.repeat(200_000)],
        ['2000 merge keys', `a: &a {x: y}\n${numbered(2000, (i) => `k${i}: {<<: *a}`).join('\n')}`],
        ['100 000 flow brackets', '['.repeat(100_000)],
        ['a folded text of 2 MB', `a: >\n${' x\n'.repeat(600_000)}`],
        ['1 000 000 tags', '! '.repeat(1_000_000)],
      ];
      for (const [note, body] of texts) {
        await besideOthers(attempt, stage, `YAML of ${note}`, () =>
          attempt.try(
            stage.who.nobody,
            { method: 'POST', path: REVIEWS, headers: YAML, body, note, timeoutMs: 60_000 },
            anyAnswer,
          ),
        );
      }
      const levels = numbered(9, (i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
      const bomb = `l0: &l0 [x]\n${levels.join('\n')}`;
      await attempt.try(
        stage.who.nobody,
        { method: 'POST', path: REVIEWS, headers: YAML, body: bomb, note: 'alias bomb' },
        clientError,
      );
    },
  },
  {
    area,
    finding: 'no JSON text stops the server',
    run: async (attempt, stage) => {
      const review = '"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview"';
      const texts: [string, string][] = [
        ['3 000 000 levels', '['.repeat(3_000_000)],
        ['500 000 objects in each other', '{"a":'.repeat(500_000)],
        ['400 000 repeated keys', `{${review},${Array(400_000).fill('"a":1').join()}}`],
        ['200 000 unknown keys', `{${review},${numbered(200_000, (i) => `"k${i}":1`).join()}}`],
        ['escapes of 3 MB', `{${review},"spec":{"nonResourceAttributes":{"path":"${'\\u0000'.repeat(480_000)}"}}}`],
        ['a number of 2 MB', `{${review},"spec":${'9'.repeat(2_000_000)}}`],
      ];
      for (const [note, body] of texts) {
        await besideOthers(attempt, stage, `JSON of ${note}`, () =>
          attempt.try(stage.who.nobody, { method: 'POST', path: REVIEWS, body, note, timeoutMs: 60_000 }, anyAnswer),
        );
      }
    },
  },
  {
    area,
    finding: 'a Role that multiplies out does not stop the server',
    run: async (attempt, stage) => {
      const list = (prefix: string, count: number) => numbered(count, (i) => `${prefix}${i}`);
      const sizes: [string, object][] = [
        ['100 x 100 x 100', { apiGroups: list('g', 100), resources: list('r', 100), verbs: list('v', 100) }],
        [
          '30 x 30 x 30 x 30',
          { apiGroups: list('g', 30), resources: list('r', 30), verbs: list('v', 30), resourceNames: list('n', 30) },
        ],
      ];
      for (const [note, rule] of sizes) {
        const body = {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'Role',
          metadata: { name: 'product' },
          rules: [rule],
        };
        await besideOthers(attempt, stage, `a Role of ${note}`, () =>
          attempt.try(
            stage.who.namespaceAdmin,
            { method: 'POST', path: ROLES, body, note, timeoutMs: 90_000 },
            codes(403, 422),
          ),
        );
      }
    },
  },
  {
    area,
    finding: 'a body beyond the limit is refused with an answer',
    run: async (attempt, { who }) => {
      const body = JSON.stringify(map('huge', { data: { a: 'x'.repeat(4_000_000) } }));
      await attempt.try(who.editor, { method: 'POST', path: MAPS, body, note: '4 MB' }, codes(413));
      await attempt.try(who.editor, { method: 'PATCH', path: `${MAPS}/own`, body, note: '4 MB' }, codes(413));
    },
  },
  {
    area,
    finding: 'keys with names of the language are kept as they are',
    run: async (attempt, { who, plane }) => {
      for (const key of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
        const bodies: [string, string, string][] = [
          [
            MAPS,
            '/data',
            `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"named"},"data":{"${key}":"kept"}}`,
          ],
          [
            `/api/v1/namespaces/${OWN}/secrets`,
            '/stringData',
            `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"named"},"stringData":{"${key}":"kept"}}`,
          ],
          [
            `${MAPS}`,
            '/labels',
            `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"named","annotations":{"${key}":"kept"}}}`,
          ],
        ];
        for (const [path, note, body] of bodies) {
          await attempt.try(
            who.owner,
            { method: 'POST', path, body, note: `${note}/${key}` },
            note === '/labels' ? anyAnswer : codes(201),
          );
          const { text } = await plane.requester.send(who.owner, { path: `${path}/named` });
          const value = path.endsWith('secrets') ? Buffer.from('kept').toString('base64') : 'kept';
          if (note !== '/labels') {
            attempt.check(
              who.owner.name,
              `${path} ${note}/${key}`,
              'the key kept',
              text.includes(`"${key}":"${value}"`),
              text,
            );
          }
          await plane.requester.send(who.owner, { method: 'DELETE', path: `${path}/named` });
        }
      }
    },
  },
  {
    area,
    finding: 'no protobuf stops the server',
    run: async (attempt, stage) => {
      let schema: object = {};
      for (let i = 0; i < 1500; i += 1) schema = { items: schema };
      const deep = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'deep.example.com' },
        spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: schema } }] },
      };
      const wide = {
        ...map('wide'),
        data: Object.fromEntries(numbered(300_000, (i) => `k${i}`).map((key) => [key, ''])),
      };
      const bodies: [note: string, path: string, object: object][] = [
        ['1500 schemas in each other', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', deep],
        ['300 000 entries', MAPS, wide],
      ];
      const headers = { 'Content-Type': 'application/vnd.kubernetes.protobuf' };
      for (const [note, path, object] of bodies) {
        const body = encodeObject(object as KubeObject);
        await besideOthers(attempt, stage, `protobuf of ${note}`, () =>
          attempt.try(stage.who.administrator, { method: 'POST', path, headers, body, note }, clientError),
        );
      }
    },
  },
  {
    area,
    finding: 'bodies that are no bodies are the fault of their sender',
    run: async (attempt, { who }) => {
      const good = Buffer.from(JSON.stringify(map('odd')));
      const protobuf = { 'Content-Type': 'application/vnd.kubernetes.protobuf' };
      const magic = Buffer.from('k8s\0');
      const tries: [string, Record<string, string>, Buffer | string][] = [
        ['nothing', {}, ''],
        ['null', {}, 'null'],
        ['a list', {}, '[]'],
        ['a number', {}, '1'],
        ['half of it', {}, good.subarray(0, 20)],
        ['twice', {}, Buffer.concat([good, good])],
        ['UTF-16', {}, Buffer.from(good.toString(), 'utf16le')],
        ['no UTF-8', {}, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
        ['gzip', { 'Content-Encoding': 'gzip' }, gzipSync(Buffer.alloc(100_000_000, 32))],
        ['a type that is none', { 'Content-Type': 'text/html' }, good],
        ['a type of the language', { 'Content-Type': 'constructor' }, good],
        ['a type without end', { 'Content-Type': `application/json;${'a=b;'.repeat(1000)}` }, 'x'],
        ['another kind', {}, JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } })],
        ['a kind of the language', {}, '{"apiVersion":"v1","kind":"__proto__","metadata":{"name":"a"}}'],
        ['a group of the language', {}, '{"apiVersion":"constructor/v1","kind":"ConfigMap","metadata":{"name":"a"}}'],
        ['a name with a slash', {}, JSON.stringify(map('a/b'))],
        ['a name with dots', {}, JSON.stringify(map('..'))],
        ['a name that is too long', {}, JSON.stringify(map('a'.repeat(300)))],
        ['a name that is a list', {}, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":["a"]}}'],
        ['metadata that is text', {}, '{"apiVersion":"v1","kind":"ConfigMap","metadata":"a"}'],
        [
          'another namespace',
          {},
          '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"victim"}}',
        ],
        ['protobuf without magic', protobuf, Buffer.from('nonsense')],
        ['protobuf, magic alone', protobuf, magic],
        [
          'protobuf with a length that lies',
          protobuf,
          Buffer.concat([magic, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])]),
        ],
        ['protobuf with an endless number', protobuf, Buffer.concat([magic, Buffer.alloc(64, 0xff)])],
        ['protobuf of groups', protobuf, Buffer.concat([magic, Buffer.alloc(200_000, 0x0b)])],
        ['protobuf of zeros', protobuf, Buffer.concat([magic, Buffer.alloc(100_000)])],
      ];
      await each(tries, ([note, headers, body]) =>
        attempt.try(who.editor, { method: 'POST', path: MAPS, headers, body, note }, clientError),
      );
    },
  },
  {
    area,
    finding: 'queries that are no queries are the fault of their sender',
    run: async (attempt, { who }) => {
      const beyond = '99999999999999999999';
      const bad = [
        `limit=${beyond}`,
        'limit=a',
        `timeoutSeconds=${beyond}&watch=1`,
        'timeoutSeconds=a&watch=1',
        'resourceVersion=a',
        'resourceVersion=-1',
        'continue=a',
        'fieldSelector=a',
        'labelSelector=a%20b',
        'labelSelector=%21%21',
        'resourceVersionMatch=a',
      ];
      for (const query of bad) await attempt.try(who.editor, { path: `${MAPS}?${query}` }, clientError);
      const odd = [
        'limit=-1',
        'limit=0',
        'limit=9223372036854775807',
        'pretty=__proto__',
        'watch=maybe&timeoutSeconds=1',
        'allowWatchBookmarks=x',
        `labelSelector=${'a,'.repeat(3000)}a`,
        'resourceVersion=99999999999999999',
      ];
      for (const query of odd)
        await attempt.try(
          who.editor,
          { path: `${MAPS}?${query}`, timeoutMs: 5000, serverErrorAllowed: query.endsWith('9999') },
          { says: 'no server error', accepts: () => true },
        );
      const deletes = ['gracePeriodSeconds=a', 'propagationPolicy=constructor', 'dryRun=x', 'orphanDependents=maybe'];
      for (const query of deletes)
        await attempt.try(who.editor, { method: 'DELETE', path: `${MAPS}/none?${query}` }, clientError);
    },
  },
  {
    area,
    finding: 'warnings about a body stay within bounds',
    run: async (attempt, { who }) => {
      for (const count of [20_000, 200_000]) {
        const unknown = numbered(count, (i) => `"k${i}":1`).join();
        const body = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"warned"},${unknown}}`;
        const path = `${MAPS}?dryRun=All&fieldValidation=Warn`;
        const answer = await attempt.try(
          who.editor,
          { method: 'POST', path, body, note: `${count} unknown fields` },
          accepted,
        );
        const warnings = String(answer.headers['warning'] ?? '');
        // 4096 characters of text in all, and what is around each.
        attempt.check(
          who.editor.name,
          `${count} unknown fields`,
          'warnings below 16 KB',
          warnings.length > 0 && warnings.length < 16_384,
          `${answer.code}, ${warnings.length} characters`,
        );
      }
      const long = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"warned"},"${'x'.repeat(100_000)}":1}`;
      const answer = await attempt.try(
        who.editor,
        { method: 'POST', path: `${MAPS}?dryRun=All&fieldValidation=Warn`, body: long, note: 'a long name' },
        accepted,
      );
      attempt.check(
        who.editor.name,
        'a long name',
        'a short warning',
        String(answer.headers['warning'] ?? '').length < 1024,
        String(answer.headers['warning']).length,
      );
    },
  },
];
