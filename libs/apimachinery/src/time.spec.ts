import assert from 'node:assert/strict';
import fc from 'fast-check';
import { scaledValue } from './intstr.js';
import * as time from './time.js';

const at = new Date('2026-03-04T05:06:07.089Z');

test('times as the API writes them', () => {
  assert.equal(time.formatTime(at), '2026-03-04T05:06:07Z');
  assert.equal(time.formatMicroTime(at), '2026-03-04T05:06:07.089000Z');
  assert.equal(time.parseTime('2026-03-04T07:06:07.9+02:00'), Date.UTC(2026, 2, 4, 5, 6, 7, 900));
  for (const bad of ['', '2026-02-30T00:00:00Z', '2026-03-04', '2026-03-04T24:00:00Z', '2026-03-04T05:06:07']) {
    assert.equal(time.parseTime(bad), undefined, bad);
  }
});

test('ages as tables show them', () => {
  const minute = 60;
  const hour = 60 * minute;
  const day = 24 * hour;
  const cases: [number, string][] = [
    [-5, '<invalid>'],
    [-1, '0s'],
    [0, '0s'],
    [119, '119s'],
    [2 * minute, '2m'],
    [2 * minute + 1, '2m1s'],
    [10 * minute + 5, '10m'],
    [179 * minute, '179m'],
    [3 * hour, '3h'],
    [3 * hour + minute, '3h1m'],
    [8 * hour + minute, '8h'],
    [47 * hour, '47h'],
    [48 * hour, '2d'],
    [49 * hour, '2d1h'],
    [8 * day + hour, '8d'],
    [729 * day, '729d'],
    [730 * day, '2y'],
    [731 * day, '2y1d'],
    [8 * 365 * day + day, '8y'],
  ];
  for (const [seconds, text] of cases) assert.equal(time.humanDuration(seconds * 1000), text);
});

test('durations of Go', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['-2ms', -2],
    ['1m0.5s', 60_500],
    ['.5s', 500],
  ];
  for (const [text, millis] of cases) assert.equal(time.parseDuration(text), millis);
  assert.equal(time.formatDuration(5_400_000), '1h30m0s');
  assert.equal(time.formatDuration(0.0015), '1.5µs');
  assert.throws(() => time.parseDuration('1'), { message: 'time: missing unit in duration "1"' });
  assert.throws(() => time.parseDuration('1x'), { message: 'time: unknown unit "x" in duration "1x"' });
  assert.throws(() => time.parseDuration(''), { message: 'time: invalid duration ""' });
});

test('a printed duration parses to itself', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e10, max: 1e10 }), (millis) => {
      assert.equal(time.parseDuration(time.formatDuration(millis)), millis);
    }),
  );
});

test('percentages scale up or down, numbers stay', () => {
  assert.equal(scaledValue('25%', 10, true), 3);
  assert.equal(scaledValue('25%', 10, false), 2);
  assert.equal(scaledValue(4, 10, true), 4);
  assert.throws(() => scaledValue('4', 10, true), {
    message: 'invalid value for IntOrString: invalid type: string is not a percentage',
  });
});
