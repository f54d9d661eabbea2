import assert from 'node:assert/strict';
import type { KubeObject, UserInfo } from '#apimachinery';
import type { AuthorizationAttributes } from './authorizer.js';
import { NodeAuthorizer } from './node-authorizer.js';
import { NodeGraph } from './node-graph.js';

const node1: UserInfo = { name: 'system:node:node-1', groups: ['system:nodes'] };

function pod(name: string, nodeName: string, spec: Record<string, unknown> = {}, annotations = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'web', annotations },
    spec: { nodeName, serviceAccountName: `${name}-account`, ...spec },
  };
}

function sample(): NodeGraph {
  const graph = new NodeGraph();
  graph.setPod(
    pod('a', 'node-1', {
      imagePullSecrets: [{ name: 'pull' }],
      initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 'init-env' } }] }],
      containers: [{ name: 'c', env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'settings', key: 'x' } } }] }],
      volumes: [
        { name: 's', secret: { secretName: 'mounted' } },
        { name: 'p', projected: { sources: [{ configMap: { name: 'kube-root-ca.crt' } }] } },
        { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'e', ephemeral: { volumeClaimTemplate: {} } },
      ],
    }),
  );
  graph.setPod(pod('b', 'node-2', { volumes: [{ name: 's', secret: { secretName: 'theirs' } }] }));
  graph.setPod(
    pod(
      'm',
      'node-1',
      { volumes: [{ name: 's', secret: { secretName: 'stolen' } }] },
      { 'kubernetes.io/config.mirror': 'x' },
    ),
  );
  graph.setVolume({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pv-1' },
    spec: {
      claimRef: { namespace: 'web', name: 'data' },
      csi: {
        driver: 'd',
        nodeStageSecretRef: { namespace: 'vault', name: 'stage' },
        controllerPublishSecretRef: { namespace: 'vault', name: 'control' },
      },
    },
  });
  graph.setOwned('volumeattachment', '', 'va-1', 'node-1');
  graph.setOwned('resourceslice', '', 'slice-2', 'node-2');
  return graph;
}

const RULES = [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['services'] }];

function attributes(user: UserInfo, text: string, selector?: string): AuthorizationAttributes {
  const [verb = '', what = '', where = ''] = text.split(' ');
  const [path = '', ...group] = what.split('.');
  const [resource = '', subresource = ''] = path.split('/');
  const [namespace = '', name = ''] = where.split('/');
  return {
    user,
    verb,
    resourceRequest: true,
    group: group.join('.'),
    version: 'v1',
    resource,
    subresource,
    namespace,
    name,
    path: '',
    ...(selector ? { fieldSelector: [{ key: 'spec.nodeName', operator: 'In', values: [selector] }] } : undefined),
  };
}

const unrelated = "no relationship found between node 'node-1' and this object";

describe('NodeAuthorizer', () => {
  const cases: [request: string, reason: string | true, selector?: string][] = [
    ['get secrets web/pull', true],
    ['get secrets web/init-env', true],
    ['watch secrets web/mounted', true],
    ['list secrets web/mounted', true],
    ['get secrets web/theirs', unrelated],
    ['get secrets other/mounted', unrelated],
    ['get secrets web/stolen', unrelated],
    ['list secrets web/', 'No Object name found'],
    ['list secrets', 'can only read namespaced object of this type'],
    ['delete secrets web/mounted', 'can only read resources of this type'],
    ['get secrets vault/stage', true],
    ['get secrets vault/control', unrelated],
    ['get configmaps web/settings', true],
    ['get configmaps web/kube-root-ca.crt', true],
    ['get configmaps web/other', unrelated],
    ['get persistentvolumeclaims web/data', true],
    ['get persistentvolumeclaims web/a-e', true],
    ['list persistentvolumeclaims web/data', 'can only get individual resources of this type'],
    ['patch persistentvolumeclaims/status web/data', true],
    ['get persistentvolumes /pv-1', true],
    ['get persistentvolumes /pv-2', unrelated],
    ['get volumeattachments.storage.k8s.io /va-1', true],
    ['get serviceaccounts web/a-account', true],
    ['create serviceaccounts/token web/a-account', true],
    ['create serviceaccounts/token web/b-account', unrelated],
    ['create serviceaccounts web/', 'can only create tokens for individual service accounts'],
    ['update leases.coordination.k8s.io kube-node-lease/node-1', true],
    ['create leases.coordination.k8s.io kube-node-lease/', true],
    [
      'update leases.coordination.k8s.io kube-node-lease/node-2',
      'can only access node lease with the same name as the requesting node',
    ],
    [
      'get leases.coordination.k8s.io default/node-1',
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    ['list leases.coordination.k8s.io kube-node-lease/', 'can only get, create, update, patch, or delete a node lease'],
    ['update csinodes.storage.k8s.io /node-1', true],
    ['update csinodes.storage.k8s.io /node-2', 'can only access CSINode with the same name as the requesting node'],
    ['get nodes /node-1', true],
    ['watch nodes /node-1', true],
    ['get nodes /node-2', "node 'node-1' cannot read 'node-2', only its own Node object"],
    ['list nodes', "node 'node-1' cannot read all nodes, only its own Node object"],
    ['patch nodes/status /node-1', true],
    ['delete nodes /node-1', ''],
    ['get pods web/a', true],
    ['get pods web/b', unrelated],
    ['list pods', 'can only list/watch pods with spec.nodeName field selector'],
    ['list pods', true, 'node-1'],
    ['watch pods', true, 'node-1'],
    ['watch pods', 'can only list/watch pods with spec.nodeName field selector', 'node-2'],
    ['create pods web/', true],
    ['update pods web/a', ''],
    ['patch pods/status web/a', true],
    ['create pods/eviction web/a', true],
    ['create pods/exec web/a', ''],
    ['get resourceslices.resource.k8s.io /slice-2', unrelated],
    ['list services', true],
    ['list endpoints', ''],
  ];
  for (const [text, expected, selector] of cases) {
    it(`${expected === true ? 'allows' : 'does not allow'} ${text}${selector ? ` of ${selector}` : ''}`, async () => {
      const authorizer = new NodeAuthorizer(sample(), RULES);
      const answer = await authorizer.authorize(attributes(node1, text, selector));
      assert.deepEqual(
        answer,
        expected === true ? { decision: 'Allow', reason: '' } : { decision: 'NoOpinion', reason: expected },
      );
    });
  }

  it('has no opinion on users that are no nodes', async () => {
    const authorizer = new NodeAuthorizer(sample(), RULES);
    for (const user of [
      { name: 'system:node:node-1', groups: ['system:authenticated'] },
      { name: 'alice', groups: ['system:nodes'] },
    ]) {
      assert.equal((await authorizer.authorize(attributes(user, 'get nodes /node-1'))).decision, 'NoOpinion');
    }
  });

  it('takes back what a pod gave when it goes, and keeps what another one still gives', () => {
    const graph = sample();
    graph.setPod(pod('c', 'node-1', { volumes: [{ name: 's', secret: { secretName: 'mounted' } }] }));
    graph.removePod('web', 'a');
    assert.equal(graph.reaches('node-1', 'secret', 'web', 'mounted'), true);
    assert.equal(graph.reaches('node-1', 'secret', 'web', 'pull'), false);
    assert.equal(graph.reaches('node-1', 'pv', '', 'pv-1'), false);
    graph.removePod('web', 'c');
    assert.equal(graph.reaches('node-1', 'secret', 'web', 'mounted'), false);
  });

  it('looks again before it says no, for events that are on their way', async () => {
    const graph = new NodeGraph();
    const asked = new NodeAuthorizer(graph, RULES).authorize(attributes(node1, 'get secrets web/late'));
    graph.setPod(pod('late', 'node-1', { volumes: [{ name: 's', secret: { secretName: 'late' } }] }));
    assert.equal((await asked).decision, 'Allow');
  });
});
