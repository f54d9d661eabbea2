import assert from 'node:assert/strict';
import { chain, onePod, refused, request, run } from '../testing/admission-requests.js';

describe('RuntimeClass', () => {
  const classes = {
    'node.k8s.io/runtimeclasses': {
      '/vm': {
        overhead: { podFixed: { memory: '120Mi' } },
        scheduling: { nodeSelector: { runtime: 'vm' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
      },
    },
  };

  it('gives a pod its overhead and its place', async () => {
    const pod = await run(
      chain(classes),
      request('CREATE', 'pods', onePod({ runtimeClassName: 'vm', nodeSelector: { a: 'b' } })),
    );
    assert.deepEqual(pod.spec.overhead, { memory: '120Mi' });
    assert.deepEqual(pod.spec.nodeSelector, { a: 'b', runtime: 'vm' });
    assert.ok(pod.spec.tolerations.some((item: any) => item.key === 'vm'));
  });

  const cases: [string, object, string][] = [
    ['an unknown class', { runtimeClassName: 'none' }, 'pod rejected: RuntimeClass "none" not found'],
    [
      'another overhead',
      { runtimeClassName: 'vm', overhead: { memory: '1' } },
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    ],
    [
      'overhead without class',
      { overhead: { memory: '1' } },
      'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    ],
    [
      'another selector',
      { runtimeClassName: 'vm', nodeSelector: { runtime: 'x' } },
      'conflict: runtimeClass.scheduling.nodeSelector[runtime] = vm; pod.spec.nodeSelector[runtime] = x',
    ],
  ];
  for (const [title, spec, message] of cases) {
    it(`refuses ${title}`, () =>
      refused(
        run(chain(classes), request('CREATE', 'pods', onePod(spec as any))),
        `pods "x" is forbidden: ${message}`,
      ));
  }
});
