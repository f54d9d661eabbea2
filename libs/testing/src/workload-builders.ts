import type { Deployment, Node, Pod, ReplicaSet, Service } from '#kinds';

/** Objects for tests, complete enough for control loops; what a test is about is passed in. */

export interface PodTraits {
  name?: string;
  namespace?: string;
  uid?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  owner?: { uid: string; kind?: string; name?: string };
  node?: string;
  phase?: string;
  ip?: string;
  /** RFC 3339: ready since. */
  readySince?: string;
  created?: string;
  deleted?: string;
  restarts?: number;
  spec?: Partial<Pod['spec']>;
}

export function buildPod(traits: PodTraits = {}): Pod {
  const name = traits.name ?? 'pod';
  const { owner } = traits;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: traits.namespace ?? 'default',
      uid: traits.uid ?? `uid-${name}`,
      labels: traits.labels,
      annotations: traits.annotations,
      creationTimestamp: traits.created ?? '2029-12-31T00:00:00Z',
      ...(traits.deleted ? { deletionTimestamp: traits.deleted } : {}),
      ...(owner
        ? {
            ownerReferences: [
              {
                apiVersion: 'apps/v1',
                kind: owner.kind ?? 'ReplicaSet',
                name: owner.name ?? 'owner',
                uid: owner.uid,
                controller: true,
                blockOwnerDeletion: true,
              },
            ],
          }
        : {}),
    },
    spec: {
      containers: [{ name: 'main', image: 'image' }],
      ...(traits.node ? { nodeName: traits.node } : {}),
      ...traits.spec,
    } as Pod['spec'],
    status: {
      phase: (traits.phase ?? 'Running') as any,
      ...(traits.ip ? { podIP: traits.ip, podIPs: [{ ip: traits.ip }] } : {}),
      conditions: traits.readySince
        ? [{ type: 'Ready', status: 'True', lastTransitionTime: traits.readySince }]
        : [{ type: 'Ready', status: 'False' }],
      containerStatuses: [{ name: 'main', restartCount: traits.restarts ?? 0 } as any],
    },
  };
}

export interface ReplicaSetTraits {
  name?: string;
  replicas?: number;
  available?: number;
  created?: string;
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  image?: string;
  status?: Partial<ReplicaSet['status']>;
}

export function buildReplicaSet(traits: ReplicaSetTraits = {}): ReplicaSet {
  const name = traits.name ?? 'set';
  const replicas = traits.replicas ?? 0;
  const labels = { app: 'web', ...traits.labels };
  const available = traits.available ?? replicas;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      generation: 1,
      creationTimestamp: traits.created ?? '2029-12-31T00:00:00Z',
      annotations: traits.annotations,
    },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: traits.image ?? 'image' }] } },
    },
    status: {
      observedGeneration: 1,
      replicas,
      readyReplicas: available,
      availableReplicas: available,
      ...traits.status,
    },
  };
}

export interface DeploymentTraits {
  replicas?: number;
  maxSurge?: number | string;
  maxUnavailable?: number | string;
  strategy?: 'RollingUpdate' | 'Recreate';
  image?: string;
  spec?: Partial<Deployment['spec']>;
  status?: Deployment['status'];
  annotations?: Record<string, string>;
}

export function buildDeployment(traits: DeploymentTraits = {}): Deployment {
  const strategy =
    traits.strategy === 'Recreate'
      ? { type: 'Recreate' as const }
      : {
          type: 'RollingUpdate' as const,
          rollingUpdate: { maxSurge: traits.maxSurge ?? '25%', maxUnavailable: traits.maxUnavailable ?? '25%' },
        };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'uid-web',
      generation: 1,
      annotations: traits.annotations,
    },
    spec: {
      replicas: traits.replicas ?? 1,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      selector: { matchLabels: { app: 'web' } },
      strategy,
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'main', image: traits.image ?? 'image' }] },
      },
      ...traits.spec,
    },
    status: traits.status,
  };
}

export interface NodeTraits {
  name?: string;
  /** Status of the Ready condition; undefined: never reported. */
  ready?: 'True' | 'False' | 'Unknown';
  address?: string;
  zone?: string;
  taints?: NonNullable<Node['spec']>['taints'];
  created?: string;
}

export function buildNode(traits: NodeTraits = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: traits.name ?? 'node',
      uid: `uid-${traits.name ?? 'node'}`,
      creationTimestamp: traits.created ?? '2029-12-31T00:00:00Z',
      labels: traits.zone ? { 'topology.kubernetes.io/zone': traits.zone } : {},
    },
    spec: traits.taints ? { taints: traits.taints } : {},
    status: {
      conditions: traits.ready
        ? [{ type: 'Ready', status: traits.ready, lastHeartbeatTime: '2029-12-31T00:00:00Z' }]
        : [],
      addresses: traits.address ? [{ type: 'InternalIP', address: traits.address }] : [],
    },
  };
}

export function buildService(spec: Partial<NonNullable<Service['spec']>> = {}, name = 'web'): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', uid: `uid-${name}` },
    spec: {
      clusterIP: '10.96.0.20',
      ipFamilies: ['IPv4'],
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
      ...spec,
    },
  };
}
