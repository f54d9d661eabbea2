import assert from 'node:assert/strict';
import { checkHealth, type HealthCheck, PING } from './health-checks.js';

const check = (name: string, error?: string): HealthCheck => ({
  name,
  endpoints: ['readyz'],
  check: () => {
    if (error) throw new Error(error);
  },
});

async function ask(checks: HealthCheck[], advisories: HealthCheck[], query = 'verbose') {
  const logged: string[] = [];
  const log = (text: string) => logged.push(text);
  const report = await checkHealth([PING, ...checks], 'readyz', new URLSearchParams(query), log, () => {}, advisories);
  return { ...report, logged };
}

describe('health', () => {
  test('a check that fails makes the endpoint fail', async () => {
    const { healthy, text } = await ask([check('database', 'away')], []);
    assert.equal(healthy, false);
    assert.equal(text, '[+]ping ok\n[-]database failed: reason withheld\nreadyz check failed\n');
  });

  test('an advisory check that fails has its line and is logged, and the endpoint passes', async () => {
    const advisories = [check('controller/a'), check('controller/b', 'no way')];
    const { healthy, text, logged } = await ask([], advisories);
    assert.equal(healthy, true);
    const lines = [
      '[+]ping ok',
      '[+]controller/a ok',
      '[-]controller/b failed: reason withheld',
      'readyz check passed',
    ];
    assert.equal(text, `${lines.join('\n')}\n`);
    assert.deepEqual(logged, ['readyz check controller/b failed: no way']);
    assert.equal((await ask([], advisories, '')).text, 'ok');
  });

  test('an advisory check can be excluded as any other', async () => {
    const { text } = await ask([], [check('controller/b', 'no way')], 'verbose&exclude=controller/b');
    assert.equal(text, '[+]ping ok\n[+]controller/b excluded: ok\nreadyz check passed\n');
  });
});
