import assert from 'node:assert/strict';
import { chain, onePod, refused, request, run } from '../testing/admission-requests.js';

describe('Priority', () => {
  const classes = {
    'scheduling.k8s.io/priorityclasses': {
      '/high': { value: 1000, preemptionPolicy: 'Never' },
      '/usual': { value: 10, globalDefault: true, preemptionPolicy: 'PreemptLowerPriority' },
    },
  };

  it('is 0 without classes', async () => {
    const pod = await run(chain(), request('CREATE', 'pods', onePod()));
    assert.equal(pod.spec.priority, 0);
    assert.equal(pod.spec.preemptionPolicy, 'PreemptLowerPriority');
    assert.equal(pod.spec.priorityClassName, undefined);
  });

  it('comes from the named class, or from the default one', async () => {
    const named = await run(chain(classes), request('CREATE', 'pods', onePod({ priorityClassName: 'high' })));
    assert.deepEqual([named.spec.priority, named.spec.preemptionPolicy], [1000, 'Never']);
    const usual = await run(chain(classes), request('CREATE', 'pods', onePod()));
    assert.deepEqual([usual.spec.priority, usual.spec.priorityClassName], [10, 'usual']);
  });

  it('refuses unknown classes and numbers of one’s own', async () => {
    await refused(
      run(chain(classes), request('CREATE', 'pods', onePod({ priorityClassName: 'none' }))),
      'pods "x" is forbidden: no PriorityClass with name none was found',
    );
    await refused(
      run(chain(classes), request('CREATE', 'pods', onePod({ priority: 7 }))),
      'pods "x" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 10 from the given PriorityClass name',
    );
  });

  it('keeps one default class', () =>
    refused(
      run(
        chain(classes),
        request('CREATE', 'priorityclasses.scheduling.k8s.io', { value: 1, globalDefault: true }, { namespace: '' }),
      ),
      'priorityclasses.scheduling.k8s.io "x" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    ));
});
