import assert from 'node:assert/strict';
import type { Secret } from '#kinds';
import { cleaningOf, trackedLongEnough } from './legacy-token-cleaner.plan.js';

const NOW = Date.parse('2032-06-15T12:00:00Z');

const secret = (labels: Record<string, string> = {}, creationTimestamp = '2030-01-01T00:00:00Z'): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'token', namespace: 'default', creationTimestamp, labels },
});
const used = (day: string) => ({ 'kubernetes.io/legacy-token-last-used': day });
const invalid = (day: string) => ({ 'kubernetes.io/legacy-token-invalid-since': day });

describe('cleaningOf', () => {
  const rows: [what: string, secret: Secret, expected: string][] = [
    ['never used', secret(), 'mark'],
    ['new', secret({}, '2032-01-01T00:00:00Z'), 'keep'],
    ['used within the year', secret(used('2031-06-16')), 'keep'],
    ['used before', secret(used('2031-06-14')), 'mark'],
    ['used, nobody can read when', secret(used('yesterday')), 'keep'],
    ['used on a day that is none', secret(used('2031-02-30')), 'keep'],
    ['marked within the year', secret(invalid('2031-06-16')), 'keep'],
    ['marked before', secret(invalid('2031-06-14')), 'delete'],
    ['marked, nobody can read when', secret(invalid('x')), 'mark'],
    ['marked before and used since', secret({ ...invalid('2031-06-14'), ...used('2032-06-01') }), 'keep'],
  ];
  for (const [what, object, expected] of rows) test(what, () => assert.equal(cleaningOf(object, NOW), expected));
});

describe('trackedLongEnough', () => {
  const rows: [since: string | undefined, expected: boolean][] = [
    [undefined, false],
    ['never', false],
    ['2031-06-15', true],
    ['2031-06-16', false],
  ];
  for (const [since, expected] of rows) test(`${since}`, () => assert.equal(trackedLongEnough(since, NOW), expected));
});
