import { clientError, codes, each, forbidden, refused } from './attack.js';
import { OWN, VICTIM } from './identities.js';
import type { Identity } from './requester.js';
import type { PlaneRow } from './stage.js';

const area = 'escalation';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/${OWN}/roles`;
const BINDINGS = `${RBAC}/namespaces/${OWN}/rolebindings`;
const APPLY = { 'Content-Type': 'application/apply-patch+yaml' };
const JSON_PATCH = { 'Content-Type': 'application/json-patch+json' };

const role = (name: string, rules: object[], kind = 'Role', more: object = {}) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name },
  rules,
  ...more,
});
const binding = (name: string, ref: object, kind = 'RoleBinding', subject = 'administrator') => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', ...ref },
  subjects: [{ kind: 'ServiceAccount', namespace: OWN, name: subject }],
});
const ALL = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };

/** Rules that a holder of ClusterRole admin does not have, each a way to more. */
const BROADER = [
  ALL,
  { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['escalate'] },
  { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['bind'] },
  { apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] },
  { apiGroups: [''], resources: ['nodes/proxy'], verbs: ['get'] },
  { apiGroups: [''], resources: ['pods/status'], verbs: ['update'] },
  { apiGroups: [''], resources: ['resourcequotas'], verbs: ['delete'] },
  { apiGroups: [''], resources: ['*/status'], verbs: ['patch'] },
];

export const escalationRows: PlaneRow[] = [
  {
    area,
    finding: 'nobody grants what they do not have',
    run: async (attempt, { who, plane }) => {
      const admin = who.namespaceAdmin;
      await attempt.try(admin, { method: 'POST', path: ROLES, body: role('small', []) }, codes(201));
      for (const rule of BROADER) {
        const note = JSON.stringify(rule);
        await attempt.try(admin, { method: 'POST', path: ROLES, body: role('broad', [rule]), note }, forbidden);
        await attempt.try(
          admin,
          { method: 'PUT', path: `${ROLES}/small`, body: role('small', [rule]), note },
          forbidden,
        );
        await attempt.try(admin, { method: 'PATCH', path: `${ROLES}/small`, body: { rules: [rule] }, note }, forbidden);
        const operations = [{ op: 'add', path: '/rules', value: [rule] }];
        await attempt.try(
          admin,
          { method: 'PATCH', path: `${ROLES}/small`, headers: JSON_PATCH, body: operations, note },
          forbidden,
        );
        const applied = `${ROLES}/small?fieldManager=attack&force=true`;
        await attempt.try(
          admin,
          { method: 'PATCH', path: applied, headers: APPLY, body: role('small', [rule]), note },
          forbidden,
        );
        await attempt.try(
          admin,
          { method: 'POST', path: `${RBAC}/clusterroles`, body: role('broad', [rule], 'ClusterRole'), note },
          forbidden,
        );
      }
      const { rules } = await plane.json(`${ROLES}/small`);
      attempt.check(admin.name, `${ROLES}/small`, 'no rules', !rules || rules.length === 0, rules);
    },
  },
  {
    area,
    finding: 'nobody binds a role of more rights than their own',
    run: async (attempt, { who }) => {
      const admin = who.namespaceAdmin;
      const names = ['cluster-admin', 'system:node', 'system:kube-controller-manager', 'system:kubelet-api-admin'];
      for (const name of names) {
        const ref = { kind: 'ClusterRole', name };
        await attempt.try(
          admin,
          { method: 'POST', path: BINDINGS, body: binding('taken', ref), note: name },
          forbidden,
        );
        const put = binding('administrator', ref);
        const own = `${BINDINGS}/administrator`;
        // The role of a binding never changes, whoever asks.
        await attempt.try(admin, { method: 'PUT', path: own, body: put, note: name }, codes(403, 422));
        await attempt.try(
          admin,
          { method: 'PATCH', path: own, body: { roleRef: put.roleRef }, note: name },
          codes(403, 422),
        );
        for (const identity of [admin, who.owner, who.node]) {
          const body = binding('taken', ref, 'ClusterRoleBinding');
          await attempt.try(
            identity,
            { method: 'POST', path: `${RBAC}/clusterrolebindings`, body, note: name },
            forbidden,
          );
        }
      }
      await attempt.try(
        admin,
        { method: 'POST', path: BINDINGS, body: binding('taken', { kind: 'Role', name: 'everything' }) },
        forbidden,
      );
      const edit = binding('victims', { kind: 'ClusterRole', name: 'edit' });
      await attempt.try(admin, { method: 'POST', path: BINDINGS.replace(OWN, VICTIM), body: edit }, forbidden);
      const inBody = { ...edit, metadata: { name: 'victims', namespace: VICTIM } };
      await attempt.try(
        admin,
        { method: 'POST', path: BINDINGS, body: inBody, note: 'namespace in the body' },
        codes(400, 403),
      );
      const aggregated = role('sum', [], 'ClusterRole', { aggregationRule: { clusterRoleSelectors: [{}] } });
      await attempt.try(who.owner, { method: 'POST', path: `${RBAC}/clusterroles`, body: aggregated }, forbidden);
    },
  },
  {
    area,
    finding: 'a certificate is asked for by what one is, and approved by others',
    run: async (attempt, { who, plane }) => {
      const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
      const csr = async (name: string, signerName: string, subject: object[], spec: object = {}) => ({
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name },
        spec: {
          request: await certificateRequest(subject),
          signerName,
          usages: ['client auth', 'digital signature'],
          ...spec,
        },
      });
      const client = 'kubernetes.io/kube-apiserver-client';
      const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet';
      const masters = [{ O: ['system:masters'] }, { CN: ['attacker'] }];
      const admin = who.administrator;
      await attempt.try(admin, { method: 'POST', path, body: await csr('masters', client, masters) }, forbidden);
      const legacy = await csr('legacy', 'kubernetes.io/legacy-unknown', [{ CN: ['attacker'] }]);
      await attempt.try(admin, { method: 'POST', path, body: legacy, note: 'legacy signer' }, codes(422));
      const [name, group] = [{ CN: ['system:node:x'] }, { O: ['system:nodes'] }];
      const own = await csr('own', kubelet, [group, name], {
        username: 'system:admin',
        groups: ['system:masters'],
        uid: '0',
      });
      await attempt.try(
        who.node,
        {
          method: 'POST',
          path,
          body: { ...own, status: { certificate: 'AAAA', conditions: [{ type: 'Approved', status: 'True' }] } },
        },
        codes(201),
      );
      const { spec, status } = await plane.json(`${path}/own`);
      attempt.check(who.node.name, 'spec.username', 'system:node:x', spec.username === 'system:node:x', spec);
      attempt.check(who.node.name, 'spec.groups', 'no system:masters', !spec.groups.includes('system:masters'), spec);
      attempt.check(who.node.name, 'status', 'empty', Object.keys(status ?? {}).length === 0, status);
      const approved = { status: { conditions: [{ type: 'Approved', status: 'True', reason: 'a', message: 'b' }] } };
      for (const identity of [who.node, who.otherNode, who.owner, who.namespaceAdmin, who.nobody]) {
        for (const sub of ['approval', 'status']) {
          await attempt.try(identity, { method: 'PATCH', path: `${path}/own/${sub}`, body: approved }, forbidden);
        }
      }
      await plane.json(`${path}/own`, { method: 'DELETE' });
    },
  },
  {
    area,
    finding: 'what the server decides is not taken from the body',
    run: async (attempt, { who, plane }) => {
      const pods = `/api/v1/namespaces/${OWN}/pods`;
      const uid = '11111111-1111-1111-1111-111111111111';
      const body = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: 'claims',
          uid,
          creationTimestamp: '2000-01-01T00:00:00Z',
          generation: 99,
          selfLink: '/x',
          deletionTimestamp: '2000-01-01T00:00:00Z',
        },
        spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'x' }] },
        status: { phase: 'Running', podIP: '10.0.0.1', hostIP: '10.0.0.2', nominatedNodeName: 'y' },
      };
      await attempt.try(who.editor, { method: 'POST', path: pods, body }, codes(201));
      const made = await plane.json(`${pods}/claims`);
      const taken =
        made.metadata.uid === uid ||
        made.metadata.creationTimestamp.startsWith('2000') ||
        made.metadata.generation > 1 ||
        made.metadata.deletionTimestamp;
      attempt.check(who.editor.name, `POST ${pods}`, "the server's metadata", !taken, made.metadata);
      attempt.check(
        who.editor.name,
        `POST ${pods}`,
        'phase Pending, no address',
        made.status.phase === 'Pending' && !made.status.podIP,
        made.status,
      );
      await attempt.try(
        who.editor,
        { method: 'PATCH', path: `${pods}/claims`, body: { status: { podIP: '10.0.0.1', phase: 'Running' } } },
        codes(200),
      );
      const patched = await plane.json(`${pods}/claims`);
      attempt.check(
        who.editor.name,
        `PATCH ${pods}/claims`,
        'no status by the main path',
        !patched.status.podIP,
        patched.status,
      );
      await attempt.try(
        who.editor,
        { method: 'PATCH', path: `${pods}/claims/status`, body: { status: { phase: 'Running' } } },
        forbidden,
      );
      const bound = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'claims' },
        target: { kind: 'Node', name: 'x' },
      };
      for (const identity of [who.editor, who.namespaceAdmin, who.nobody]) {
        await attempt.try(identity, { method: 'POST', path: `${pods}/claims/binding`, body: bound }, forbidden);
      }
      await attempt.try(
        who.editor,
        { method: 'DELETE', path: `${pods}/claims?gracePeriodSeconds=-1`, note: 'negative grace' },
        codes(200, 202, 400, 422),
      );
      await plane.requester.send(who.administrator, { method: 'DELETE', path: `${pods}/claims?gracePeriodSeconds=0` });
      const wrong = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } };
      await attempt.try(
        who.editor,
        { method: 'DELETE', path: `/api/v1/namespaces/${OWN}/configmaps/own`, body: wrong },
        codes(409),
      );
    },
  },
  {
    area,
    finding: 'a Service takes no address and no balancer of others',
    run: async (attempt, { who }) => {
      const path = `/api/v1/namespaces/${OWN}/services`;
      const service = (spec: object, more: object = {}) => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'grab' },
        spec: { ports: [{ port: 80 }], ...spec },
        ...more,
      });
      const tries: [string, object][] = [
        ['the address of kubernetes', service({ clusterIP: '10.96.0.1' })],
        ['the address of DNS', service({ clusterIP: '10.96.0.10' })],
        ['an address outside', service({ clusterIP: '10.250.0.1' })],
        ['loopback', service({ clusterIP: '127.0.0.1' })],
        ['external loopback', service({ externalIPs: ['127.0.0.1'] })],
        ['external link', service({ externalIPs: ['169.254.169.254'] })],
        ['a node port of the API', service({ type: 'NodePort', ports: [{ port: 80, nodePort: 6443 }] })],
        ['a quote', service({ externalIPs: ['1.1.1.1" -j ACCEPT'] })],
        ['a newline', service({ externalIPs: ['1.1.1.1\n-A INPUT -j ACCEPT'] })],
        ['source ranges', service({ type: 'LoadBalancer', loadBalancerSourceRanges: ['0.0.0.0/0 -j ACCEPT'] })],
      ];
      await each(tries, ([note, body]) => attempt.try(who.editor, { method: 'POST', path, body, note }, clientError));
      const balancer = { status: { loadBalancer: { ingress: [{ ip: '10.96.0.1' }] } } };
      const status: [Identity, string][] = [
        [who.editor, `${path}/x/status`],
        [who.editor, `/api/v1/namespaces/default/services/kubernetes/status`],
      ];
      for (const [identity, where] of status)
        await attempt.try(identity, { method: 'PATCH', path: where, body: balancer }, refused);
    },
  },
];

/** PKCS#10 in PEM, base64 as in the API, signed by a fresh key. */
async function certificateRequest(subject: object[]): Promise<string> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const { webcrypto } = await import('node:crypto');
  x509.cryptoProvider.set(webcrypto as never);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject as never,
    keys: keys as never,
    signingAlgorithm: algorithm,
  });
  return Buffer.from(request.toString('pem')).toString('base64');
}
