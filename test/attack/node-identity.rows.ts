import { codes } from './attack.js';
import { OWN, TARGET, VICTIM } from './identities.js';
import type { Request } from './requester.js';
import type { PlaneRow } from './stage.js';

const area = 'node identity';

/** What whoever holds the certificate of a node tries beyond it. */
export const nodeIdentityRows: PlaneRow[] = [
  {
    area,
    finding: 'a node changes no other node, nor what binds it',
    run: async (attempt, { who, plane }) => {
      const node = who.node;
      const merge = (path: string, body: object, note?: string): Request => ({ method: 'PATCH', path, body, note });
      const own = '/api/v1/nodes/x';
      const tries: Request[] = [
        merge('/api/v1/nodes/y', { metadata: { labels: { a: 'b' } } }),
        merge('/api/v1/nodes/y/status', { status: { phase: 'Running' } }),
        { method: 'DELETE', path: '/api/v1/nodes/y' },
        merge(own, { spec: { taints: [], unschedulable: true } }, 'taints'),
        merge(own, { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } }, 'role'),
        merge(own, { metadata: { labels: { 'node-restriction.kubernetes.io/a': 'b' } } }, 'restricted label'),
        merge(
          own,
          { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'x', uid: 'a' }] } },
          'owner',
        ),
        merge(
          own,
          { spec: { configSource: { configMap: { name: 'a', namespace: 'b', kubeletConfigKey: 'c' } } } },
          'config source',
        ),
        { method: 'DELETE', path: own },
        merge(`/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/y`, { spec: { holderIdentity: 'x' } }),
        {
          method: 'POST',
          path: '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases',
          body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'x' } },
        },
        {
          method: 'POST',
          path: '/apis/storage.k8s.io/v1/csinodes',
          body: { apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name: 'y' }, spec: { drivers: [] } },
        },
        { path: `/api/v1/namespaces/${VICTIM}/secrets/${TARGET}` },
        { path: `/api/v1/namespaces/${VICTIM}/configmaps/${TARGET}` },
        { path: `/api/v1/namespaces/${VICTIM}/secrets` },
        { path: '/api/v1/secrets' },
        { path: '/api/v1/configmaps' },
        { path: `/api/v1/namespaces/${VICTIM}/pods/${TARGET}` },
        { path: '/api/v1/pods' },
        { path: '/api/v1/pods?fieldSelector=spec.nodeName%3Dy' },
        { path: '/api/v1/pods?fieldSelector=spec.nodeName!%3Dy' },
        { path: '/api/v1/nodes/y' },
        { path: '/api/v1/nodes' },
        merge(`/api/v1/namespaces/${VICTIM}/pods/${TARGET}/status`, { status: { phase: 'Failed' } }),
        { method: 'DELETE', path: `/api/v1/namespaces/${VICTIM}/pods/${TARGET}` },
        {
          method: 'POST',
          path: `/api/v1/namespaces/${VICTIM}/pods/${TARGET}/eviction`,
          body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: TARGET } },
        },
        {
          method: 'POST',
          path: `/api/v1/namespaces/${OWN}/pods/pending/binding`,
          body: {
            apiVersion: 'v1',
            kind: 'Binding',
            metadata: { name: 'pending' },
            target: { kind: 'Node', name: 'x' },
          },
        },
        { method: 'DELETE', path: `/api/v1/namespaces/${OWN}/pods` },
        merge(`/api/v1/namespaces/${OWN}/pods/runner/ephemeralcontainers`, {
          spec: { ephemeralContainers: [{ name: 'e', image: 'x' }] },
        }),
        merge(`/api/v1/namespaces/${OWN}/pods/runner`, { metadata: { labels: { a: 'b' } } }, 'labels of its pod'),
        {
          method: 'POST',
          path: `/api/v1/namespaces/${OWN}/serviceaccounts/app/token`,
          body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
          note: 'unbound',
        },
        {
          method: 'POST',
          path: `/api/v1/namespaces/${VICTIM}/serviceaccounts/${TARGET}/token`,
          body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
        },
      ];
      for (const request of tries) await attempt.try(node, request, codes(403, 404));
      await plane.json(own);
    },
  },
  {
    area,
    finding: 'a mirror pod brings a node nothing',
    run: async (attempt, { who }) => {
      const path = `/api/v1/namespaces/${OWN}/pods`;
      const mirror = (changes: object, metadata: object = {}, owner: object = {}) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: 'mirror-x',
          annotations: { 'kubernetes.io/config.mirror': 'hash' },
          ...metadata,
          ...owner,
        },
        spec: { nodeName: 'x', containers: [{ name: 'c', image: 'x' }], ...changes },
      });
      const tricks: [string, object][] = [
        ['no annotation', mirror({}, { annotations: {} })],
        ['another node', mirror({ nodeName: 'y' })],
        ['no node', mirror({ nodeName: undefined })],
        ['a ServiceAccount', mirror({ serviceAccountName: 'app' })],
        ['a Secret', mirror({ volumes: [{ name: 'v', secret: { secretName: TARGET } }] })],
        ['a ConfigMap', mirror({ volumes: [{ name: 'v', configMap: { name: TARGET } }] })],
        ['a claim', mirror({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: TARGET } }] })],
        [
          'a projected token',
          mirror({ volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] }),
        ],
        [
          'an environment from a Secret',
          mirror({ containers: [{ name: 'c', image: 'x', envFrom: [{ secretRef: { name: TARGET } }] }] }),
        ],
        [
          'an environment variable of a Secret',
          mirror({
            containers: [
              { name: 'c', image: 'x', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: TARGET, key: 'a' } } }] },
            ],
          }),
        ],
        ['a Secret to pull images', mirror({ imagePullSecrets: [{ name: TARGET }] })],
        [
          'an init container with a Secret',
          mirror({ initContainers: [{ name: 'i', image: 'x', envFrom: [{ secretRef: { name: TARGET } }] }] }),
        ],
        ['no owner', mirror({})],
        [
          'another owner',
          mirror({}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'y', uid: 'a', controller: true }] }),
        ],
        [
          'an owner with another uid',
          mirror({}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'x', uid: 'a', controller: true }] }),
        ],
        [
          'an owner that is a pod',
          mirror(
            {},
            { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'runner', uid: 'a', controller: true }] },
          ),
        ],
      ];
      for (const [note, body] of tricks)
        await attempt.try(who.node, { method: 'POST', path, body, note }, codes(403, 422));
    },
  },
  {
    area,
    finding: 'a node keeps the pod addresses that it was given',
    run: async (attempt, { who, plane }) => {
      const before = (await plane.json('/api/v1/nodes/x')).spec;
      const changes = [
        { podCIDR: '10.0.0.0/8' },
        { podCIDR: null },
        { podCIDRs: ['10.0.0.0/8'] },
        { podCIDR: '10.0.0.0/8', podCIDRs: ['10.0.0.0/8'] },
        { podCIDRs: ['10.244.0.0/24', '10.0.0.0/8'] },
        { providerID: 'a', podCIDR: '10.0.0.0/8' },
      ];
      for (const spec of changes) {
        for (const path of ['/api/v1/nodes/x', '/api/v1/nodes/x/status']) {
          await plane.requester.send(who.node, { method: 'PATCH', path, body: { spec } });
          const { podCIDR, podCIDRs } = (await plane.json('/api/v1/nodes/x')).spec;
          const same = podCIDR === before.podCIDR && JSON.stringify(podCIDRs) === JSON.stringify(before.podCIDRs);
          attempt.check(who.node.name, `PATCH ${path} ${JSON.stringify(spec)}`, JSON.stringify(before), same, {
            podCIDR,
            podCIDRs,
          });
        }
      }
      const refusedChange = { method: 'PATCH', path: '/api/v1/nodes/x', body: { spec: { podCIDR: '10.0.0.0/8' } } };
      await attempt.try(who.node, refusedChange, codes(403, 422));
    },
  },
];
