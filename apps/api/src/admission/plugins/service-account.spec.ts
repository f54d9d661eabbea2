import assert from 'node:assert/strict';
import { chain, onePod, refused, request, run } from '../testing/admission-requests.js';

describe('ServiceAccount', () => {
  it('gives a pod the default account and its token', async () => {
    const pod = await run(chain(), request('CREATE', 'pods', onePod({ initContainers: [{ name: 'i' }] })));
    assert.equal(pod.spec.serviceAccountName, 'default');
    assert.equal(pod.spec.serviceAccount, 'default');
    const [volume] = pod.spec.volumes;
    assert.match(volume.name, /^kube-api-access-[a-z0-9]{5}$/);
    assert.equal(volume.projected.defaultMode, 420);
    assert.deepEqual(
      volume.projected.sources.map((source: object) => Object.keys(source)[0]),
      ['serviceAccountToken', 'configMap', 'downwardAPI'],
    );
    const mount = { name: volume.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    assert.deepEqual(pod.spec.containers[0].volumeMounts, [mount]);
    assert.deepEqual(pod.spec.initContainers[0].volumeMounts, [mount]);
  });

  it('mounts nothing where something is mounted, and nothing when nobody wants it', async () => {
    const own = [{ name: 'v', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }];
    const mounted = await run(
      chain(),
      request('CREATE', 'pods', onePod({ containers: [{ name: 'c', volumeMounts: own }] })),
    );
    assert.equal(mounted.spec.volumes, undefined);
    const without = await run(chain(), request('CREATE', 'pods', onePod({ automountServiceAccountToken: false })));
    assert.equal(without.spec.volumes, undefined);
    const objects = { serviceaccounts: { 'web/default': { automountServiceAccountToken: false } } };
    assert.equal((await run(chain(objects), request('CREATE', 'pods', onePod()))).spec.volumes, undefined);
  });

  it('hands on pull secrets, unless the pod has its own', async () => {
    const objects = { serviceaccounts: { 'web/default': { imagePullSecrets: [{ name: 'registry' }] } } };
    const pod = await run(chain(objects), request('CREATE', 'pods', onePod()));
    assert.deepEqual(pod.spec.imagePullSecrets, [{ name: 'registry' }]);
    const own = await run(chain(objects), request('CREATE', 'pods', onePod({ imagePullSecrets: [{ name: 'own' }] })));
    assert.deepEqual(own.spec.imagePullSecrets, [{ name: 'own' }]);
  });

  it('refuses an account that is not there', () =>
    refused(
      run(chain(), request('CREATE', 'pods', onePod({ serviceAccountName: 'ghost' }))),
      'pods "x" is forbidden: error looking up service account web/ghost: serviceaccount "ghost" not found',
    ));

  it('keeps mirror pods from accounts', () =>
    refused(
      run(
        chain(),
        request(
          'CREATE',
          'pods',
          onePod({ serviceAccountName: 'default' }, { annotations: { 'kubernetes.io/config.mirror': 'h' } }),
        ),
      ),
      'pods "x" is forbidden: a mirror pod may not reference service accounts',
    ));

  it('keeps a pod to the secrets of an account that insists', () => {
    const metadata = { annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } };
    const objects = { serviceaccounts: { 'web/default': { metadata, secrets: [{ name: 'ok' }] } } };
    const volumes = [{ name: 'v', secret: { secretName: 'other' } }];
    return refused(
      run(chain(objects), request('CREATE', 'pods', onePod({ volumes }))),
      'pods "x" is forbidden: volume with secret.secretName="other" is not allowed because service account default does not reference that secret',
    );
  });
});
