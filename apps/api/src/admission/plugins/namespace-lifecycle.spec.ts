import assert from 'node:assert/strict';
import type { StatusError } from '#apimachinery';
import { chain, refused, request, run } from '../testing/admission-requests.js';

describe('NamespaceLifecycle', () => {
  it('refuses creates in a namespace that is not there', () =>
    refused(
      run(chain(), request('CREATE', 'configmaps', {}, { namespace: 'nowhere' })),
      'namespaces "nowhere" not found',
      404,
    ));

  it('refuses creates in a namespace that is ending, and says so in a cause', () =>
    assert.rejects(run(chain(), request('CREATE', 'configmaps', {}, { namespace: 'ending' })), (error: StatusError) => {
      assert.equal(
        error.message,
        'configmaps "x" is forbidden: unable to create new content in namespace ending because it is being terminated',
      );
      assert.deepEqual(error.status.details?.causes, [
        {
          reason: 'NamespaceTerminating',
          message: 'namespace ending is being terminated',
          field: 'metadata.namespace',
        },
      ]);
      return true;
    }));

  it('lets updates and deletes through', async () => {
    await run(chain(), request('UPDATE', 'configmaps', {}, { namespace: 'ending' }));
    await run(chain(), request('DELETE', 'configmaps', undefined, { namespace: 'nowhere' }));
  });

  for (const name of ['default', 'kube-system', 'kube-public']) {
    it(`never deletes ${name}`, () =>
      refused(
        run(chain(), request('DELETE', 'namespaces', undefined, { name, namespace: name })),
        `namespaces "${name}" is forbidden: this namespace may not be deleted`,
      ));
  }
});
