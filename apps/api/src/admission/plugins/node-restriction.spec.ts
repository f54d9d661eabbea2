import type { AdmissionRequest } from '../admission-request.js';
import { chain, node1, onePod, refused, request, run } from '../testing/admission-requests.js';

describe('NodeRestriction', () => {
  const objects = {
    nodes: { '/node-1': {} },
    pods: {
      'web/mine': {
        spec: {
          nodeName: 'node-1',
          volumes: [
            {
              name: 't',
              projected: { sources: [{ serviceAccountToken: { audience: 'vault' } }, { serviceAccountToken: {} }] },
            },
          ],
        },
      },
      'web/theirs': { spec: { nodeName: 'node-2' } },
    },
    serviceaccounts: { 'web/default': {} },
    namespaces: { '/web': {}, '/kube-node-lease': {} },
  };
  const asNode = (more: Partial<AdmissionRequest> = {}) => ({ user: node1, ...more });
  const status = (nodeName: string, labels = {}) => ({ metadata: { labels }, spec: { nodeName }, status: {} });
  const old = (body: object) => request('UPDATE', 'x', body as any).object;
  const tokenFor = (name: string, uid: string | undefined, audiences?: string[]) => ({
    spec: { audiences, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
  });

  const allowed: [string, AdmissionRequest][] = [
    [
      'its own Node',
      request(
        'CREATE',
        'nodes',
        {
          metadata: {
            name: 'node-1',
            labels: { 'kubernetes.io/hostname': 'n', 'example.com/a': 'b', 'node.kubernetes.io/x': 'y' },
          },
        },
        asNode({ namespace: '' }),
      ),
    ],
    [
      'the status of its pods',
      request('UPDATE', 'pods/status', status('node-1'), asNode({ oldObject: old(status('node-1')) })),
    ],
    [
      'deleting its pods',
      request('DELETE', 'pods', undefined, asNode({ name: 'mine', oldObject: old({ spec: { nodeName: 'node-1' } }) })),
    ],
    [
      'its own Lease',
      request(
        'CREATE',
        'leases.coordination.k8s.io',
        { metadata: { name: 'node-1' } },
        asNode({ namespace: 'kube-node-lease' }),
      ),
    ],
    [
      'a token for its pod',
      request('CREATE', 'serviceaccounts/token', tokenFor('mine', 'mine-uid'), asNode({ name: 'default' })),
    ],
    [
      'a token for an audience that its pod mounts',
      request('CREATE', 'serviceaccounts/token', tokenFor('mine', 'mine-uid', ['vault']), asNode({ name: 'default' })),
    ],
    ['anybody else', request('UPDATE', 'pods/status', status('node-2'), { oldObject: old(status('node-2')) })],
  ];
  for (const [title, asked] of allowed) it(`allows ${title}`, () => run(chain(objects), asked));

  const cases: [string, AdmissionRequest, string | RegExp][] = [
    [
      'another Node',
      request('UPDATE', 'nodes', {}, asNode({ name: 'node-2', oldObject: old({}) })),
      'nodes "node-2" is forbidden: node "node-1" is not allowed to modify node "node-2"',
    ],
    [
      'reserved labels',
      request(
        'CREATE',
        'nodes',
        { metadata: { name: 'node-1', labels: { 'kubernetes.io/x': 'y', 'node-restriction.kubernetes.io/z': '1' } } },
        asNode({ namespace: '' }),
      ),
      'nodes "node-1" is forbidden: node "node-1" is not allowed to set the following labels: kubernetes.io/x, node-restriction.kubernetes.io/z',
    ],
    [
      'its taints',
      request(
        'UPDATE',
        'nodes',
        { spec: {} },
        asNode({ name: 'node-1', oldObject: old({ spec: { taints: [{ key: 'a' }] } }) }),
      ),
      /is not allowed to modify taints/,
    ],
    [
      'ordinary pods',
      request('CREATE', 'pods', onePod({ nodeName: 'node-1' }), asNode()),
      /can only create mirror pods/,
    ],
    [
      'deleting pods of others',
      request('DELETE', 'pods', undefined, asNode({ name: 'theirs' })),
      'pods "theirs" is forbidden: node "node-1" can only delete pods with spec.nodeName set to itself',
    ],
    [
      'the status of pods of others',
      request('UPDATE', 'pods/status', status('node-1'), asNode({ oldObject: old(status('node-2')) })),
      /can only update pod status for pods with spec.nodeName set to itself/,
    ],
    [
      'labels through status',
      request('UPDATE', 'pods/status', status('node-1', { a: 'b' }), asNode({ oldObject: old(status('node-1')) })),
      /cannot update labels through pod status/,
    ],
    [
      'another Lease',
      request(
        'CREATE',
        'leases.coordination.k8s.io',
        { metadata: { name: 'node-2' } },
        asNode({ namespace: 'kube-node-lease' }),
      ),
      /can only access node lease with the same name as the requesting node/,
    ],
    [
      'unbound tokens',
      request('CREATE', 'serviceaccounts/token', { spec: {} }, asNode({ name: 'default' })),
      'serviceaccounts "default" is forbidden: node requested token not bound to a pod',
    ],
    [
      'tokens without uid',
      request('CREATE', 'serviceaccounts/token', tokenFor('mine', undefined), asNode({ name: 'default' })),
      /node requested token with a pod binding without a uid/,
    ],
    [
      'tokens of other nodes',
      request('CREATE', 'serviceaccounts/token', tokenFor('theirs', 'theirs-uid'), asNode({ name: 'default' })),
      /node requested token bound to a pod scheduled on a different node/,
    ],
    [
      'audiences of its own',
      request('CREATE', 'serviceaccounts/token', tokenFor('mine', 'mine-uid', ['bank']), asNode({ name: 'default' })),
      'serviceaccounts "default" is forbidden: system:node:node-1 is not authorized to request tokens for audience "bank"',
    ],
    [
      'claims',
      request('UPDATE', 'persistentvolumeclaims', { spec: {} }, asNode({ oldObject: old({ spec: {} }) })),
      /may only update PVC status/,
    ],
  ];
  for (const [title, asked, message] of cases)
    it(`refuses ${title}`, () => refused(run(chain(objects), asked), message));
});
