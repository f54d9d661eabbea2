import { deepEqual, type GroupVersionResource, type KubeObject, setOwn } from '#apimachinery';
import type { Client } from '#client';
import { bootstrapRbac, gvr } from '#kinds';
import type { PolicyRule } from '../authorization/policy-rule.js';
import type { Subject } from '../authorization/rbac-index.js';
import { coversRules } from '../authorization/rule-coverage.js';
import { INGRESS_PROXY, KUBELET_CLIENT, NODE_NETWORK } from '../identity/users.js';
import { ensureObject, mergeMap } from './ensure-object.js';
import { settleAggregation } from './role-aggregation.js';

const GROUP = 'rbac.authorization.k8s.io';
const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

/** ClusterRole system:node, from the code: what the Node authorizer lets every node do. */
export function nodeRules(): PolicyRule[] {
  const role = bootstrapRbac().clusterRoles.find((item) => item.metadata?.name === 'system:node');
  return (role?.rules ?? []) as PolicyRule[];
}

interface RbacObjects {
  clusterRoles: KubeObject[];
  clusterRoleBindings: KubeObject[];
  roles: KubeObject[];
  roleBindings: KubeObject[];
}

/** The reference's default objects and the few that this cluster's own parts need. */
export function defaultRbac(): RbacObjects {
  const defaults = bootstrapRbac() as unknown as RbacObjects;
  return {
    ...defaults,
    clusterRoles: settleAggregation([...defaults.clusterRoles, ...ownClusterRoles()]),
    clusterRoleBindings: [...defaults.clusterRoleBindings, ...ownClusterRoleBindings(), ...joiningBindings()],
    roles: [...defaults.roles, clusterInfoReader()],
    roleBindings: [...defaults.roleBindings, clusterInfoBinding()],
  };
}

/**
 * Cluster DNS under the name that kubeadm gives it; the service proxy, which is part of the agent here; what follows all that
 * NetworkPolicies select, which nodes themselves may not.
 */
function ownClusterRoles(): KubeObject[] {
  const follow = ['list', 'watch'];
  return [
    clusterRole('system:coredns', [
      { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: follow },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: follow },
    ]),
    ingressProxy(),
    usageReader(),
    clusterRole('berth:node-service-proxy', [
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: follow },
      { apiGroups: ['networking.k8s.io'], resources: ['servicecidrs'], verbs: follow },
    ]),
    clusterRole('berth:node-network', [
      { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: follow },
      { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: follow },
    ]),
  ];
}

/** What serves Ingresses: reads what they name, and says in their status and in Events what became of them. */
function ingressProxy(): KubeObject {
  const follow = ['list', 'watch'];
  return clusterRole(INGRESS_PROXY, [
    { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: follow },
    { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['patch'] },
    { apiGroups: [''], resources: ['services', 'secrets', 'nodes'], verbs: follow },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: follow },
    { apiGroups: [''], resources: ['events'], verbs: ['create'] },
  ]);
}

/** Who may read pods may read what they use: the role that comes with metrics-server elsewhere. */
function usageReader(): KubeObject {
  const role = clusterRole('system:aggregated-metrics-reader', [
    { apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] },
  ]);
  for (const above of ['view', 'edit', 'admin']) {
    setOwn(role.metadata.labels!, `rbac.authorization.k8s.io/aggregate-to-${above}`, 'true');
  }
  return role;
}

function ownClusterRoleBindings(): KubeObject[] {
  return [
    clusterRoleBinding('system:coredns', 'system:coredns', { kind: 'User', name: 'system:kube-dns' }),
    clusterRoleBinding(INGRESS_PROXY, INGRESS_PROXY, { kind: 'User', name: INGRESS_PROXY }),
    clusterRoleBinding('berth:node-service-proxy', 'berth:node-service-proxy', { kind: 'Group', name: 'system:nodes' }),
    clusterRoleBinding('berth:node-network', 'berth:node-network', { kind: 'User', name: NODE_NETWORK }),
    clusterRoleBinding('berth:kubelet-api-admin', 'system:kubelet-api-admin', {
      kind: 'User',
      name: KUBELET_CLIENT,
    }),
  ];
}

/** What lets a node join by a bootstrap token of kubeadm's group, and renew its certificate later: kubeadm's bindings. */
function joiningBindings(): KubeObject[] {
  const approval = 'system:certificates.k8s.io:certificatesigningrequests';
  const tokens = { kind: 'Group', name: 'system:bootstrappers:kubeadm:default-node-token' };
  return [
    clusterRoleBinding('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', tokens),
    clusterRoleBinding('kubeadm:node-autoapprove-bootstrap', `${approval}:nodeclient`, tokens),
    clusterRoleBinding('kubeadm:node-autoapprove-certificate-rotation', `${approval}:selfnodeclient`, {
      kind: 'Group',
      name: 'system:nodes',
    }),
  ];
}

const CLUSTER_INFO_READER = 'kubeadm:bootstrap-signer-clusterinfo';

/** Whoever joins reads where the cluster is before anybody knows it. */
function clusterInfoReader(): KubeObject {
  const rules = [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['cluster-info'], verbs: ['get'] }];
  const own = { ...metadata(CLUSTER_INFO_READER), namespace: 'kube-public' };
  return { apiVersion: `${GROUP}/v1`, kind: 'Role', metadata: own, rules };
}

function clusterInfoBinding(): KubeObject {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: 'RoleBinding',
    metadata: { ...metadata(CLUSTER_INFO_READER), namespace: 'kube-public' },
    roleRef: { apiGroup: GROUP, kind: 'Role', name: CLUSTER_INFO_READER },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: 'system:anonymous' }],
  };
}

function metadata(name: string): KubeObject['metadata'] {
  return {
    name,
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' },
    annotations: { [AUTO_UPDATE]: 'true' },
  };
}

function clusterRole(name: string, rules: PolicyRule[]): KubeObject {
  return { apiVersion: `${GROUP}/v1`, kind: 'ClusterRole', metadata: metadata(name), rules };
}

function clusterRoleBinding(name: string, role: string, subject: { kind: string; name: string }): KubeObject {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: metadata(name),
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: GROUP, ...subject }],
  };
}

/**
 * Brings the default roles and bindings up to date: adds what is missing in them and takes nothing away, so that an
 * administrator's additions stay. Objects with autoupdate set to false are left alone.
 */
export async function ensureRbac(client: Client): Promise<void> {
  const wanted = defaultRbac();
  const stored = new Map<GroupVersionResource, KubeObject[]>();
  const kinds: [GroupVersionResource, KubeObject[]][] = [
    [gvr.clusterroles, wanted.clusterRoles],
    [gvr.roles, wanted.roles],
    [gvr.clusterrolebindings, wanted.clusterRoleBindings],
    [gvr.rolebindings, wanted.roleBindings],
  ];
  await Promise.all(kinds.map(async ([resource]) => stored.set(resource, (await client.list(resource)).items)));
  // Roles first: a binding to a role that is not there would be refused to anybody else.
  for (const group of [kinds.slice(0, 2), kinds.slice(2)]) {
    await Promise.all(
      group.flatMap(([resource, objects]) =>
        objects.map((object) => ensureOne(client, resource, object, stored.get(resource)!)),
      ),
    );
  }
}

async function ensureOne(
  client: Client,
  resource: GroupVersionResource,
  wanted: KubeObject,
  all: readonly KubeObject[],
): Promise<void> {
  const { name, namespace } = wanted.metadata;
  const known = all.find((item) => item.metadata.name === name && item.metadata.namespace === namespace);
  if (known && wanted['roleRef'] && !deepEqual(known['roleRef'], wanted['roleRef']) && autoUpdates(known)) {
    // What a binding refers to cannot change: it is made anew.
    await client.delete(resource, namespace ?? '', name!, { preconditions: { uid: known.metadata.uid } });
    await ensureObject(client, resource, wanted);
    return;
  }
  await ensureObject(client, resource, wanted, (stored) => amendRbac(stored, wanted), known);
}

function autoUpdates(object: KubeObject): boolean {
  return object.metadata.annotations?.[AUTO_UPDATE] === 'true';
}

/** Changes `stored` in place towards `wanted`; true when that changed anything. */
export function amendRbac(stored: KubeObject, wanted: KubeObject): boolean {
  if (!autoUpdates(stored)) return false;
  let changed = mergeMap(stored.metadata, 'labels', wanted.metadata.labels);
  changed = mergeMap(stored.metadata, 'annotations', wanted.metadata.annotations) || changed;
  const subjects: Subject[] = stored['subjects'] ?? [];
  const missing = ((wanted['subjects'] ?? []) as Subject[]).filter((item) => !subjects.some((own) => same(own, item)));
  if (missing.length > 0) {
    stored['subjects'] = [...subjects, ...missing];
    changed = true;
  }
  const selectors: unknown[] = stored['aggregationRule']?.clusterRoleSelectors ?? [];
  const newSelectors = ((wanted['aggregationRule']?.clusterRoleSelectors ?? []) as unknown[]).filter(
    (item) => !selectors.some((own) => deepEqual(own, item)),
  );
  if (newSelectors.length > 0) {
    stored['aggregationRule'] = { clusterRoleSelectors: [...selectors, ...newSelectors] };
    changed = true;
  }
  const rules: PolicyRule[] = stored['rules'] ?? [];
  const added = missingOf(rules, (wanted['rules'] ?? []) as PolicyRule[]);
  if (added.length > 0) {
    stored['rules'] = [...rules, ...added];
    changed = true;
  }
  return changed;
}

/** Whole rules of `wanted` of which some right is missing. */
function missingOf(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.filter((rule) => !coversRules(owned, [rule]));
}

function same(a: Subject, b: Subject): boolean {
  return a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');
}
