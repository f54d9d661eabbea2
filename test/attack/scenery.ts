import { allResources, type ResourceDefinition } from '#kinds';
import type { ControlPlane } from './control-plane.js';
import { CONFINED, OWN, TARGET, VICTIM } from './identities.js';

const pod = (name: string, nodeName?: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { nodeName, automountServiceAccountToken: false, containers: [{ name: 'main', image: 'x' }], ...more },
});
const template = { metadata: { labels: { app: TARGET } }, spec: { containers: [{ name: 'main', image: 'x' }] } };
const selector = { matchLabels: { app: TARGET } };

/** What the victim has, by the path of its collection: one object of most kinds, so that a hole would show. */
const VICTIMS_OBJECTS: Record<string, object> = {
  '/api/v1/configmaps': { data: { key: 'value' } },
  '/api/v1/secrets': { stringData: { password: 'the-password-of-the-victim' } },
  '/api/v1/serviceaccounts': {},
  '/api/v1/services': { spec: { selector: { app: TARGET }, ports: [{ port: 80 }] } },
  '/api/v1/endpoints': {},
  '/api/v1/limitranges': { spec: { limits: [] } },
  '/api/v1/resourcequotas': { spec: { hard: { pods: '100' } } },
  '/api/v1/persistentvolumeclaims': {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  },
  '/api/v1/podtemplates': { template },
  '/api/v1/replicationcontrollers': { spec: { replicas: 0, selector: { app: TARGET }, template } },
  '/apis/apps/v1/deployments': { spec: { replicas: 0, selector, template } },
  '/apis/apps/v1/replicasets': { spec: { replicas: 0, selector, template } },
  '/apis/apps/v1/statefulsets': { spec: { replicas: 0, selector, template, serviceName: TARGET } },
  '/apis/apps/v1/daemonsets': { spec: { selector, template } },
  '/apis/apps/v1/controllerrevisions': { revision: 1, data: {} },
  '/apis/batch/v1/jobs': { spec: { suspend: true, template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
  '/apis/policy/v1/poddisruptionbudgets': { spec: { minAvailable: 0, selector } },
  '/apis/networking.k8s.io/v1/networkpolicies': { spec: { podSelector: {} } },
  '/apis/discovery.k8s.io/v1/endpointslices': { addressType: 'IPv4', endpoints: [] },
  '/apis/coordination.k8s.io/v1/leases': { spec: { holderIdentity: 'victim' } },
  '/apis/rbac.authorization.k8s.io/v1/roles': { rules: [] },
  '/apis/rbac.authorization.k8s.io/v1/rolebindings': {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: TARGET },
  },
};

/** Cluster-scoped objects of that name. */
const CLUSTERS_OBJECTS: Record<string, object> = {
  '/api/v1/persistentvolumes': {
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/nowhere' } },
  },
  '/apis/rbac.authorization.k8s.io/v1/clusterroles': { rules: [] },
  '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings': {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: TARGET },
  },
  '/apis/storage.k8s.io/v1/storageclasses': { provisioner: 'example.com/none' },
  '/apis/scheduling.k8s.io/v1/priorityclasses': { value: 1 },
  '/apis/node.k8s.io/v1/runtimeclasses': { handler: 'none' },
};

/** Makes both namespaces, two nodes, what the victim has, and the attackers' accounts with exactly their rights. */
export async function makeScenery(plane: ControlPlane): Promise<void> {
  for (const name of [OWN, VICTIM]) {
    await plane.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    // There are no controllers here: what they make is made for them.
    await plane.create(`/api/v1/namespaces/${name}/serviceaccounts`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
  }
  await makeNode(plane, 'x');
  await makeNode(plane, 'y');
  for (const [path, object] of Object.entries(VICTIMS_OBJECTS)) await create(plane, path, VICTIM, object);
  for (const [path, object] of Object.entries(CLUSTERS_OBJECTS)) await create(plane, path, '', object);
  await plane.create(`/api/v1/namespaces/${VICTIM}/pods`, pod(TARGET, 'y', { serviceAccountName: TARGET }));
  await plane.create(`/api/v1/namespaces/${OWN}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'own' },
  });
  for (const name of ['nobody', 'viewer', 'editor', 'administrator', 'owner', 'collector', 'app']) {
    await create(plane, '/api/v1/serviceaccounts', OWN, {}, name);
  }
  await plane.create(`/api/v1/namespaces/${OWN}/pods`, pod('runner', 'x', { serviceAccountName: 'app' }));
  await plane.create(`/api/v1/namespaces/${OWN}/pods`, pod('pending'));
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  await create(
    plane,
    `${rbac}/roles`,
    OWN,
    { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
    'everything',
  );
  await create(
    plane,
    `${rbac}/clusterroles`,
    '',
    { rules: [{ apiGroups: [''], resources: ['nodes/proxy'], verbs: ['get'] }] },
    'collector',
  );
  await bind(plane, OWN, 'viewer', 'ClusterRole', 'view');
  await bind(plane, OWN, 'editor', 'ClusterRole', 'edit');
  await bind(plane, OWN, 'administrator', 'ClusterRole', 'admin');
  await bind(plane, OWN, 'owner', 'Role', 'everything');
  await bind(plane, '', 'collector', 'ClusterRole', 'collector');
  await makeConfined(plane);
}

/** A namespace whose policies hold even for those who may edit what is in it. */
async function makeConfined(plane: ControlPlane): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await plane.create('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: CONFINED, labels },
  });
  await create(plane, '/api/v1/serviceaccounts', CONFINED, {}, 'default');
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const containers = [{ name: 'main', image: 'x', securityContext }];
  await plane.create(`/api/v1/namespaces/${CONFINED}/pods`, pod('safe', 'y', { containers }));
  await create(plane, '/api/v1/configmaps', CONFINED, {});
  await create(plane, '/api/v1/resourcequotas', CONFINED, { spec: { hard: { configmaps: '1' } } });
  await bind(plane, CONFINED, 'editor', 'ClusterRole', 'edit');
}

/** With the control plane's own address, where a test's kubelet listens. */
async function makeNode(plane: ControlPlane, name: string): Promise<void> {
  const made = await plane.create('/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { podCIDR: name === 'x' ? '10.244.0.0/24' : '10.244.1.0/24' },
  });
  await plane.json(`/api/v1/nodes/${name}/status`, {
    method: 'PUT',
    body: { ...made, status: { addresses: [{ type: 'InternalIP', address: plane.address }] } },
  });
}

async function bind(
  plane: ControlPlane,
  namespace: string,
  account: string,
  kind: string,
  role: string,
): Promise<void> {
  const resource = namespace === '' ? 'clusterrolebindings' : 'rolebindings';
  const object = {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: role },
    subjects: [{ kind: 'ServiceAccount', namespace: OWN, name: account }],
  };
  await create(plane, `/apis/rbac.authorization.k8s.io/v1/${resource}`, namespace, object, account);
}

async function create(
  plane: ControlPlane,
  path: string,
  namespace: string,
  object: object,
  name = TARGET,
): Promise<void> {
  const parts = path.split('/');
  const plural = parts.pop()!;
  const definition = allResources().find((item) => item.plural === plural && collectionOf(item) === path)!;
  const { group, version, kind } = definition;
  await plane.create(collectionOf(definition, namespace), {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    ...object,
    metadata: { name },
  });
}

/** Path of a resource's collection; without a namespace across all. */
export function collectionOf({ group, version, plural }: ResourceDefinition, namespace = ''): string {
  return `${prefixOf({ group, version })}${namespace === '' ? '' : `/namespaces/${namespace}`}/${plural}`;
}

export function prefixOf({ group, version }: Pick<ResourceDefinition, 'group' | 'version'>): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** Name of an object that is there, where there is one. */
export function targetName({ plural }: Pick<ResourceDefinition, 'plural'>): string {
  if (plural === 'namespaces') return VICTIM;
  return plural === 'nodes' || plural === 'csinodes' ? 'y' : TARGET;
}

/** Everything that is not in the attackers' namespace, as text that differs when any of it does. */
export async function stateOfOthers(plane: ControlPlane): Promise<Map<string, string>> {
  const state = new Map<string, string>();
  for (const definition of allResources()) {
    // Leases and events are the servers' own notes; both versions of a kind show the same objects.
    if (!definition.verbs.includes('list') || ['events', 'componentstatuses'].includes(definition.plural)) continue;
    const { items } = await plane.json(collectionOf(definition));
    for (const item of items) {
      const { namespace = '', name } = item.metadata;
      // Its node says of itself what it likes; what it may not is looked at where it tries.
      const theirs = definition.plural === 'namespaces' ? name === OWN : definition.plural === 'nodes' && name === 'x';
      const own = namespace === OWN || (namespace === '' && theirs);
      const notes = definition.plural === 'leases' && namespace !== VICTIM;
      if (!own && !notes) state.set(`${definition.plural} ${namespace}/${name}`, JSON.stringify(item));
    }
  }
  return state;
}

/** Names of what appeared, went or changed between two states. */
export function differences(before: Map<string, string>, after: Map<string, string>): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name));
}
