import assert from 'node:assert/strict';
import { chain, onePod, request, run } from '../testing/admission-requests.js';

describe('DefaultTolerationSeconds', () => {
  const added = (key: string) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  const notReady = 'node.kubernetes.io/not-ready';
  const unreachable = 'node.kubernetes.io/unreachable';
  const cases: [string, object[], object[]][] = [
    ['adds both', [], [added(notReady), added(unreachable)]],
    [
      'adds the missing one',
      [{ key: notReady, operator: 'Exists' }],
      [{ key: notReady, operator: 'Exists' }, added(unreachable)],
    ],
    ['adds none when all is tolerated', [{ operator: 'Exists' }], [{ operator: 'Exists' }]],
    [
      'looks at the effect',
      [{ key: notReady, operator: 'Exists', effect: 'NoSchedule' }],
      [{ key: notReady, operator: 'Exists', effect: 'NoSchedule' }, added(notReady), added(unreachable)],
    ],
  ];
  for (const [title, tolerations, expected] of cases) {
    it(title, async () => {
      const pod = await run(chain(), request('CREATE', 'pods', onePod({ tolerations })));
      assert.deepEqual(pod.spec.tolerations, expected);
    });
  }
});
