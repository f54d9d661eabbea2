import { gzipSync } from 'node:zlib';
import { anyAnswer, clientError, codes, type Expected, each } from './attack.js';
import { besideOthers } from './bystander.js';
import { OWN, VICTIM } from './identities.js';
import type { PlaneRow } from './stage.js';

const area = 'bodies';
const MAPS = `/api/v1/namespaces/${OWN}/configmaps`;
const PODS = `/api/v1/namespaces/${OWN}/pods`;
const ROLES = `/apis/rbac.authorization.k8s.io/v1/namespaces/${OWN}/roles`;
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const YAML = { 'Content-Type': 'application/yaml' };
const JSON_PATCH = { 'Content-Type': 'application/json-patch+json' };
const STRATEGIC = { 'Content-Type': 'application/strategic-merge-patch+json' };
/** What etcd stores at most, and so what clients and disks are made for; bytes. */
const LARGEST_OBJECT = 1.5 * 1024 * 1024;

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
    finding: 'thousands of tolerations make no later write slow',
    run: async (attempt, stage) => {
      const editor = stage.who.editor;
      const spec = { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'x' }] };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tolerant' }, spec };
      await attempt.try(editor, { method: 'POST', path: PODS, body: pod }, codes(201));
      const tolerations = numbered(8000, (i) => `k${i}`).map((key) => ({ key, operator: 'Exists' }));
      const path = `${PODS}/tolerant`;
      const patch = async (note: string, headers: Record<string, string>, body: object) =>
        besideOthers(attempt, stage, note, () =>
          attempt.try(editor, { method: 'PATCH', path, headers, body, note, timeoutMs: 90_000 }, anyAnswer),
        );
      await patch('8000 tolerations', STRATEGIC, { spec: { tolerations } });
      await patch('an empty patch of 8000 tolerations', JSON_PATCH, []);
      await patch('a label beside 8000 tolerations', STRATEGIC, { metadata: { labels: { a: 'b' } } });
      await stage.plane.json(`${path}?gracePeriodSeconds=0`, { method: 'DELETE' });
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
    finding: 'no object grows beyond what is stored elsewhere',
    run: async (attempt, { who, plane }) => {
      await plane.create(MAPS, map('grown'));
      const path = `${MAPS}/grown`;
      const reference = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', name, uid: name });
      await attempt.try(
        who.editor,
        { method: 'PATCH', path, body: { metadata: { ownerReferences: [reference('a')] } } },
        codes(200),
      );
      const seen: number[] = [];
      for (let round = 0; round < 5; round++) {
        const operations = numbered(4000, (i) => `${'x'.repeat(50)}-${round}-${i}`).map((name) => ({
          op: 'add',
          path: '/metadata/ownerReferences/-',
          value: reference(name),
        }));
        const { code } = await attempt.try(
          who.editor,
          { method: 'PATCH', path, headers: JSON_PATCH, body: operations },
          codes(200, 413, 422),
        );
        seen.push(code);
      }
      attempt.check(
        who.editor.name,
        'patches that add 700 KB each',
        'a refusal',
        seen.some((code) => code >= 400),
        seen,
      );
      const { text } = await plane.requester.send(who.administrator, { path });
      attempt.check(
        who.editor.name,
        path,
        `at most ${LARGEST_OBJECT} bytes`,
        text.length <= LARGEST_OBJECT,
        text.length,
      );
      const large = map('large', { binaryData: { a: 'A'.repeat(2_000_000) } });
      await attempt.try(who.editor, { method: 'POST', path: MAPS, body: large }, codes(413, 422));
      await plane.json(path, { method: 'DELETE' });
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
    finding: 'no patch writes to what all objects share',
    run: async (attempt, { who, plane }) => {
      const path = `${MAPS}/own`;
      const merges = [
        '{"__proto__":{"polluted":"yes"}}',
        '{"constructor":{"prototype":{"polluted":"yes"}}}',
        '{"data":{"__proto__":{"polluted":"yes"}}}',
        '{"metadata":{"__proto__":{"polluted":"yes"}}}',
        '{"metadata":{"labels":{"__proto__":{"polluted":"yes"}}}}',
      ];
      for (const body of merges) {
        for (const type of ['application/merge-patch+json', 'application/strategic-merge-patch+json']) {
          await attempt.try(
            who.owner,
            { method: 'PATCH', path, headers: { 'Content-Type': type }, body, note: body },
            anyAnswer,
          );
        }
        const applied = `{"apiVersion":"v1","kind":"ConfigMap",${body.slice(1)}`;
        await attempt.try(
          who.owner,
          {
            method: 'PATCH',
            path: `${path}?fieldManager=a&force=true`,
            headers: { 'Content-Type': 'application/apply-patch+yaml' },
            body: applied,
            note: 'apply',
          },
          anyAnswer,
        );
      }
      const pointers = [
        '/__proto__/polluted',
        '/constructor/prototype/polluted',
        '/metadata/__proto__/polluted',
        '/data/constructor/prototype/polluted',
      ];
      for (const pointer of pointers) {
        for (const op of ['add', 'replace', 'test', 'remove']) {
          const body = [{ op, path: pointer, value: 'yes' }];
          await attempt.try(
            who.owner,
            { method: 'PATCH', path, headers: JSON_PATCH, body, note: `${op} ${pointer}` },
            clientError,
          );
        }
        for (const op of ['copy', 'move']) {
          const body = [{ op, from: pointer, path: '/data/a' }];
          await attempt.try(
            who.owner,
            { method: 'PATCH', path, headers: JSON_PATCH, body, note: `${op} ${pointer}` },
            clientError,
          );
        }
      }
      const texts = [];
      for (const other of [
        '/version',
        `${MAPS}/private`,
        '/api/v1/namespaces/default',
        `/api/v1/namespaces/${VICTIM}`,
      ]) {
        texts.push((await plane.requester.send(who.administrator, { path: other })).text);
      }
      attempt.check('-', 'other objects', 'not polluted', !texts.some((text) => text.includes('polluted')), texts);
    },
  },
  {
    area,
    finding: 'no JSON patch amplifies or escapes',
    run: async (attempt, stage) => {
      const { who } = stage;
      const path = `${MAPS}/own?dryRun=All`;
      const doubling = [
        { op: 'add', path: '/data', value: { a: 'x'.repeat(1000) } },
        ...numbered(24, () => '').map(() => ({ op: 'copy', from: '/data', path: `/data/c` })),
      ];
      const tries: [string, object, Expected][] = [
        [
          '10 001 operations',
          numbered(10_001, () => '').map(() => ({ op: 'test', path: '/kind', value: 'ConfigMap' })),
          codes(413, 422),
        ],
        ['copies of copies', doubling, clientError],
        ['a negative index', [{ op: 'add', path: '/metadata/finalizers/-1', value: 'a/b' }], clientError],
        ['an index of 10^9', [{ op: 'add', path: '/metadata/managedFields/1000000000', value: {} }], clientError],
        [
          'an index beyond 64 bits',
          [{ op: 'remove', path: '/metadata/managedFields/18446744073709551616' }],
          clientError,
        ],
        ['an index with an exponent', [{ op: 'remove', path: '/metadata/managedFields/1e0' }], clientError],
        ['no operation', [{ path: '/data', value: {} }], clientError],
        ['an unknown operation', [{ op: 'constructor', path: '/data' }], clientError],
        ['no list', { op: 'add', path: '/data', value: {} }, clientError],
        ['the whole document', [{ op: 'replace', path: '', value: null }], clientError],
        ['another name', [{ op: 'replace', path: '/metadata/name', value: 'other' }], clientError],
        ['another namespace', [{ op: 'replace', path: '/metadata/namespace', value: VICTIM }], clientError],
        ['another uid', [{ op: 'replace', path: '/metadata/uid', value: 'a' }], clientError],
      ];
      for (const [note, body, expected] of tries) {
        await besideOthers(attempt, stage, note, () =>
          attempt.try(who.editor, { method: 'PATCH', path, headers: JSON_PATCH, body, note }, expected),
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
