/** Default objects of API priority and fairness in v1.37, as data. */

export interface PriorityLevelFacts {
  name: string;
  mandatory?: boolean;
  exempt?: boolean;
  /** nominalConcurrencyShares */
  shares: number;
  /** lendablePercent */
  lendable: number;
  /** queues, handSize, queueLengthLimit; without: what is too much is rejected. */
  queuing?: [number, number, number];
}

export const PRIORITY_LEVELS: readonly PriorityLevelFacts[] = [
  { name: 'exempt', mandatory: true, exempt: true, shares: 0, lendable: 0 },
  { name: 'catch-all', mandatory: true, shares: 5, lendable: 0 },
  { name: 'system', shares: 30, lendable: 33, queuing: [64, 6, 50] },
  { name: 'node-high', shares: 40, lendable: 25, queuing: [64, 6, 50] },
  { name: 'leader-election', shares: 10, lendable: 0, queuing: [16, 4, 50] },
  { name: 'workload-high', shares: 40, lendable: 50, queuing: [128, 6, 50] },
  { name: 'workload-low', shares: 100, lendable: 90, queuing: [128, 6, 50] },
  { name: 'global-default', shares: 20, lendable: 50, queuing: [128, 6, 50] },
];

export interface FlowSchemaFacts {
  name: string;
  mandatory?: boolean;
  /** The priority level. */
  level: string;
  /** matchingPrecedence: the lowest that matches counts. */
  precedence: number;
  distinguish?: 'ByUser' | 'ByNamespace';
  /** `group:N`, `user:N`, `sa:namespace/name` */
  subjects: readonly string[];
  /** In all namespaces. */
  resources?: { verbs: string[]; groups: string[]; resources: string[]; clusterScope: boolean }[];
  paths?: { verbs: string[]; urls: string[] };
}

const EVERYTHING = {
  resources: [{ verbs: ['*'], groups: ['*'], resources: ['*'], clusterScope: true }],
  paths: { verbs: ['*'], urls: ['*'] },
};
const EVERYBODY = ['group:system:unauthenticated', 'group:system:authenticated'];
const leases = (verbs: string[]) => ({
  verbs,
  groups: ['coordination.k8s.io'],
  resources: ['leases'],
  clusterScope: false,
});

export const FLOW_SCHEMAS: readonly FlowSchemaFacts[] = [
  {
    name: 'exempt',
    mandatory: true,
    level: 'exempt',
    precedence: 1,
    subjects: ['group:system:masters'],
    ...EVERYTHING,
  },
  {
    name: 'catch-all',
    mandatory: true,
    level: 'catch-all',
    precedence: 10000,
    distinguish: 'ByUser',
    subjects: EVERYBODY,
    ...EVERYTHING,
  },
  {
    name: 'probes',
    level: 'exempt',
    precedence: 2,
    subjects: EVERYBODY,
    paths: { verbs: ['get'], urls: ['/healthz', '/readyz', '/livez'] },
  },
  {
    name: 'system-leader-election',
    level: 'leader-election',
    precedence: 100,
    distinguish: 'ByUser',
    subjects: ['user:system:kube-controller-manager', 'user:system:kube-scheduler', 'sa:kube-system/*'],
    resources: [leases(['get', 'create', 'update'])],
  },
  {
    name: 'system-node-high',
    level: 'node-high',
    precedence: 400,
    distinguish: 'ByUser',
    subjects: ['group:system:nodes'],
    resources: [
      { verbs: ['*'], groups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true },
      leases(['*']),
    ],
  },
  {
    name: 'system-nodes',
    level: 'system',
    precedence: 500,
    distinguish: 'ByUser',
    subjects: ['group:system:nodes'],
    ...EVERYTHING,
  },
  {
    name: 'kube-controller-manager',
    level: 'workload-high',
    precedence: 800,
    distinguish: 'ByNamespace',
    subjects: ['user:system:kube-controller-manager'],
    ...EVERYTHING,
  },
  {
    name: 'kube-scheduler',
    level: 'workload-high',
    precedence: 800,
    distinguish: 'ByNamespace',
    subjects: ['user:system:kube-scheduler'],
    ...EVERYTHING,
  },
  {
    name: 'kube-system-service-accounts',
    level: 'workload-high',
    precedence: 900,
    distinguish: 'ByNamespace',
    subjects: ['sa:kube-system/*'],
    ...EVERYTHING,
  },
  {
    name: 'service-accounts',
    level: 'workload-low',
    precedence: 9000,
    distinguish: 'ByUser',
    subjects: ['group:system:serviceaccounts'],
    ...EVERYTHING,
  },
  {
    name: 'global-default',
    level: 'global-default',
    precedence: 9900,
    distinguish: 'ByUser',
    subjects: EVERYBODY,
    ...EVERYTHING,
  },
];
