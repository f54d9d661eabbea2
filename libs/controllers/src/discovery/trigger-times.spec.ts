import assert from 'node:assert/strict';
import type { Service } from '#kinds';
import { buildPod } from '#testing';
import { LAST_CHANGE_TRIGGER_TIME, TriggerTimes, withTriggerTime } from './trigger-times.js';

const at = (second: number) => `2030-01-01T00:00:0${second}Z`;
const service = (second: number): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  spec: {},
  metadata: { name: 'web', namespace: 'default', creationTimestamp: at(second) },
});
const pod = (name: string, second: number) => buildPod({ name, readySince: at(second) });

describe('the time that endpoints changed', () => {
  const rows: [
    name: string,
    looks: [created: number, pods: [name: string, since: number][]][],
    expected: (string | undefined)[],
  ][] = [
    ['is that of the Service at first', [[5, [['a', 1]]]], [at(5)]],
    [
      'is that of a pod that came',
      [
        [1, []],
        [1, [['a', 3]]],
      ],
      [at(1), at(3)],
    ],
    [
      'is the earliest of several',
      [
        [1, []],
        [
          1,
          [
            ['a', 4],
            ['b', 3],
          ],
        ],
      ],
      [at(1), at(3)],
    ],
    [
      'is that of a pod whose readiness changed',
      [
        [1, [['a', 2]]],
        [1, [['a', 5]]],
      ],
      [at(1), at(5)],
    ],
    [
      'is unknown when a pod went',
      [
        [1, [['a', 2]]],
        [1, []],
      ],
      [at(1), undefined],
    ],
    [
      'is unknown when nothing changed',
      [
        [1, [['a', 2]]],
        [1, [['a', 2]]],
      ],
      [at(1), undefined],
    ],
    [
      'is that of a Service that was made anew',
      [
        [1, []],
        [7, []],
      ],
      [at(1), at(7)],
    ],
  ];
  for (const [name, looks, expected] of rows) {
    it(name, () => {
      const times = new TriggerTimes();
      const taken = looks.map(([created, pods]) =>
        times.take(
          'default/web',
          service(created),
          pods.map(([pod_, since]) => pod(pod_, since)),
        ),
      );
      assert.deepEqual(taken, expected);
    });
  }

  it('starts anew after the Service went', () => {
    const times = new TriggerTimes();
    times.take('default/web', service(1), []);
    times.forget('default/web');
    assert.equal(times.take('default/web', service(2), [pod('a', 9)]), at(2));
  });
});

test('the annotation comes, and goes when there is no time', () => {
  const dated = withTriggerTime({ a: 'b' }, at(1));
  assert.deepEqual(dated, { a: 'b', [LAST_CHANGE_TRIGGER_TIME]: at(1) });
  assert.deepEqual(withTriggerTime(dated, undefined), { a: 'b' });
  assert.equal(withTriggerTime(undefined, undefined), undefined);
});
