import { anyAnswer, clientError, codes, type Expected } from './attack.js';
import { besideOthers } from './bystander.js';
import { OWN, VICTIM } from './identities.js';
import type { PlaneRow } from './stage.js';

const area = 'patches';
const MAPS = `/api/v1/namespaces/${OWN}/configmaps`;
const PODS = `/api/v1/namespaces/${OWN}/pods`;
const JSON_PATCH = { 'Content-Type': 'application/json-patch+json' };
const STRATEGIC = { 'Content-Type': 'application/strategic-merge-patch+json' };
/** What etcd stores at most, and so what clients and disks are made for; bytes. */
const LARGEST_OBJECT = 1.5 * 1024 * 1024;

const map = (name: string, more: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more });
const numbered = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i));

/** The reference refuses an applied field that the type does not have with 500, and no other. */
const misfitOrAnswer: Expected = {
  says: 'an answer below 500, or the refusal of a field that the type does not have',
  accepts: (answer) =>
    anyAnswer.accepts(answer) || (answer.code === 500 && /: field not declared in schema"/.test(answer.text)),
};

export const patchRows: PlaneRow[] = [
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
            serverErrorAllowed: true,
          },
          misfitOrAnswer,
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
];
