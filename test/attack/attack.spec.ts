import assert from 'node:assert/strict';
import { codes, each, matching, type Outcome, type Row, runRows } from './attack.js';
import { nodeRows } from './node.rows.js';
import type { Answer } from './requester.js';
import { controlPlaneRows } from './rows.js';
import { line, summary } from './summary.js';

const answer = (code: number, text = ''): Answer => ({ code, headers: {}, text });
const SOMEBODY = { name: 'somebody' };

async function outcomeOf(row: Partial<Row<string>>, code = 200): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  const full: Row<string> = { area: 'area', finding: 'finding', run: async () => {}, ...row };
  const send = async () => answer(code, 'said');
  await runRows([full], 'target', send, (outcome) => outcomes.push(outcome));
  return outcomes[0]!;
}

describe('the attack suite', () => {
  const tries: [what: string, code: number, expected: number[], allowed: boolean, fails: boolean][] = [
    ['the expected answer', 403, [403], false, false],
    ['another answer', 200, [403], false, true],
    ['no answer', 0, [403], false, true],
    ['a server error', 500, [403], false, true],
    ['a server error that would be accepted', 500, [500], false, true],
    ['a server error of a target', 500, [500], true, false],
  ];
  for (const [what, code, expected, serverErrorAllowed, fails] of tries) {
    test(`${what} ${fails ? 'fails' : 'passes'}`, async () => {
      const run: Row<string>['run'] = async (attempt) => {
        await attempt.try(SOMEBODY, { path: '/x', serverErrorAllowed }, codes(...expected));
      };
      assert.equal((await outcomeOf({ run }, code)).failures.length, fails ? 1 : 0);
    });
  }

  test('a failure names identity, request, expected and got', async () => {
    const run: Row<string>['run'] = async (attempt) => {
      await attempt.try(SOMEBODY, { method: 'PUT', path: '/x', note: 'a note' }, codes(403, 404));
    };
    const outcome = await outcomeOf({ run });
    assert.deepEqual(outcome.failures, [
      { identity: 'somebody', request: 'PUT /x (a note)', expected: '403 or 404', got: '200 said' },
    ]);
    const text = line(outcome);
    for (const part of ['FAIL area: finding', 'somebody: PUT /x (a note)', '403 or 404', '200 said']) {
      assert.ok(text.includes(part), text);
    }
  });

  test('a row that throws, or tries nothing, fails', async () => {
    const thrown = await outcomeOf({ run: () => Promise.reject(new Error('broken')) });
    assert.match(thrown.failures[0]!.got, /broken/);
    assert.equal((await outcomeOf({})).failures.length, 1);
  });

  test('a row that cannot run says why and is not counted as passed', async () => {
    const outcome = await outcomeOf({ skip: () => 'no root' });
    assert.equal(outcome.skipped, 'no root');
    assert.match(line(outcome), /^skip area: finding: no root$/);
    assert.match(summary([outcome]), /\n0 passed, 0 failed$/);
  });

  test('each works on every item, falsy ones too', async () => {
    const seen: unknown[] = [];
    await each([undefined, 0, '', 'x'], async (item) => seen.push(item), 2);
    assert.equal(seen.length, 4);
  });

  test('words select rows by area or finding', () => {
    const row = (area: string, finding: string): Row<string> => ({ area, finding, run: async () => {} });
    const rows = [row('paths', 'one'), row('bodies', 'a path')];
    assert.deepEqual(matching(rows, []), rows);
    assert.deepEqual(matching(rows, ['paths:']), [rows[0]]);
    assert.deepEqual(matching(rows, ['path']), rows);
    assert.deepEqual(matching(rows, ['none']), []);
  });

  test('no two rows have one name', () => {
    const names = [...controlPlaneRows, ...nodeRows].map(({ area, finding }) => `${area}: ${finding}`);
    assert.equal(new Set(names).size, names.length);
  });
});
