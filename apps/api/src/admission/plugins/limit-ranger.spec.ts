import assert from 'node:assert/strict';
import { chain, onePod, refused, request, run } from '../testing/admission-requests.js';

describe('LimitRanger', () => {
  const limits = (...items: object[]) => ({ limitranges: { 'web/l': { spec: { limits: items } } } });

  it('fills in what containers leave open and notes it', async () => {
    const objects = limits({
      type: 'Container',
      default: { cpu: '500m', memory: '1Gi' },
      defaultRequest: { cpu: '100m' },
    });
    const containers = [{ name: 'c', resources: { limits: { cpu: '1' } } }];
    const pod = await run(chain(objects), request('CREATE', 'pods', onePod({ containers })));
    assert.deepEqual(pod.spec.containers[0].resources, {
      limits: { cpu: '1', memory: '1Gi' },
      requests: { cpu: '100m' },
    });
    assert.equal(
      pod.metadata.annotations['kubernetes.io/limit-ranger'],
      'LimitRanger plugin set: cpu request for container c; memory limit for container c',
    );
  });

  const resources = { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '2' } };
  const cases: [string, object, string][] = [
    [
      'a minimum',
      { type: 'Container', min: { cpu: '300m' } },
      'minimum cpu usage per Container is 300m, but request is 250m',
    ],
    [
      'a missing request',
      { type: 'Container', min: { storage: '1' } },
      'minimum storage usage per Container is 1.  No request is specified',
    ],
    ['a maximum', { type: 'Container', max: { cpu: '1' } }, 'maximum cpu usage per Container is 1, but limit is 2'],
    [
      'a missing limit',
      { type: 'Container', max: { memory: '1Gi' } },
      'maximum memory usage per Container is 1Gi.  No limit is specified',
    ],
    [
      'a ratio',
      { type: 'Container', maxLimitRequestRatio: { cpu: '4' } },
      'cpu max limit to request ratio per Container is 4, but provided ratio is 8.000000',
    ],
    ['the pod as a whole', { type: 'Pod', max: { cpu: '3' } }, 'maximum cpu usage per Pod is 3, but limit is 4'],
  ];
  for (const [title, item, message] of cases) {
    it(`refuses beyond ${title}`, () => {
      const containers = [
        { name: 'a', resources },
        { name: 'b', resources },
      ];
      const asked = request('CREATE', 'pods', onePod({ containers }));
      return refused(run(chain(limits(item)), asked), `pods "x" is forbidden: ${message}`);
    });
  }

  it('takes sidecars, init containers and resources of the pod into account', async () => {
    const cpu = (amount: string) => ({ requests: { cpu: amount }, limits: { cpu: amount } });
    const objects = limits({ type: 'Pod', max: { cpu: '3' } });
    const starting = {
      initContainers: [
        { name: 's', restartPolicy: 'Always', resources: cpu('2') },
        { name: 'i', resources: cpu('1500m') },
      ],
      containers: [{ name: 'c', resources: cpu('500m') }],
    };
    const text = (limit: string) => `pods "x" is forbidden: maximum cpu usage per Pod is 3, but limit is ${limit}`;
    await refused(run(chain(objects), request('CREATE', 'pods', onePod(starting))), text('3500m'));
    await run(chain(objects), request('CREATE', 'pods', onePod({ ...starting, resources: cpu('3') })));
    const wide = onePod({ containers: [{ name: 'c', resources: cpu('1') }], resources: cpu('4') });
    await refused(run(chain(objects), request('CREATE', 'pods', wide)), text('4'));
  });

  it('bounds claims', () =>
    refused(
      run(
        chain(limits({ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } })),
        request('CREATE', 'persistentvolumeclaims', { spec: { resources: { requests: { storage: '2Gi' } } } }),
      ),
      'persistentvolumeclaims "x" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
    ));
});
