import assert from 'node:assert/strict';
import { chain, refused, request, run } from '../testing/admission-requests.js';

describe('classes and finalizers', () => {
  it('the newest default StorageClass is taken, unless the claim chose', async () => {
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    const classes = {
      'storage.k8s.io/storageclasses': {
        '/old': { metadata: { annotations, creationTimestamp: '2026-01-01T00:00:00Z' } },
        '/new': { metadata: { annotations, creationTimestamp: '2026-02-01T00:00:00Z' } },
        '/newest': { metadata: { creationTimestamp: '2026-03-01T00:00:00Z' } },
      },
    };
    const claim = await run(chain(classes), request('CREATE', 'persistentvolumeclaims', { spec: {} }));
    assert.equal(claim.spec.storageClassName, 'new');
    assert.deepEqual(claim.metadata.finalizers, ['kubernetes.io/pvc-protection']);
    const chosen = await run(
      chain(classes),
      request('CREATE', 'persistentvolumeclaims', { spec: { storageClassName: '' } }),
    );
    assert.equal(chosen.spec.storageClassName, '');
  });

  it('claims grow only where they may', async () => {
    const sized = (storage: string) => ({
      spec: { storageClassName: 's', resources: { requests: { storage } } },
      status: { phase: 'Bound' },
    });
    const old = request('UPDATE', 'persistentvolumeclaims', sized('1Gi')).object;
    const grow = () => request('UPDATE', 'persistentvolumeclaims', sized('2Gi'), { oldObject: old });
    await refused(run(chain(), grow()), /only dynamically provisioned pvc can be resized/);
    const classes = { 'storage.k8s.io/storageclasses': { '/s': { allowVolumeExpansion: true } } };
    await run(chain(classes), grow());
  });
});
