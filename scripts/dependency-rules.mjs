// The import rules of ARCHITECTURE.md, as dependency-cruiser reads them.
const lib = (name) => `^libs/${name}/`;
/** What each library may import of the others; the table in ARCHITECTURE.md. */
export const allowed = {
  apimachinery: [],
  cel: ['apimachinery'],
  kinds: ['apimachinery', 'cel'],
  host: [],
  telemetry: [],
  settings: ['apimachinery', 'telemetry'],
  files: ['host'],
  postgres: ['host'],
  oci: ['host'],
  client: ['apimachinery', 'kinds', 'telemetry'],
  controllers: ['apimachinery', 'kinds', 'client', 'telemetry'],
  scheduler: ['apimachinery', 'kinds', 'client', 'telemetry', 'host'],
};
/** The one place that may load each native library; `loadNative` names it by its crate. */
export const nativeDoors = {
  'sched-core': lib('scheduler'),
  files: lib('files'),
  cri: '^apps/node-agent/',
  cgroups: '^apps/node-agent/',
  netfilter: '^apps/node-agent/',
  net: '^apps/node-agent/',
};

/** Folders of the API server from the ground up. A folder imports what stands before it; the files beside them compose all. */
export const apiFolders = [
  'injection',
  'identity',
  'pki',
  'storage',
  'codec',
  'webhook-client',
  'configuration',
  'authorization',
  'audit',
  'authentication',
  'admission',
  'registry',
  'kinds',
  'custom-resources',
  'flow-control',
  'http',
  'aggregation',
  'bootstrap',
];
const api = (name) => `^apps/api/src/${name}/`;

/** Builders and environments of tests: `libs/testing`, and a folder of that name beside what it is for. */
export const testing = '/testing/';

/** Inside libs/kinds: folders of kinds, and what is put together from them. All others are generic: they take a kind as an argument. */
const kindFolders = '^libs/kinds/src/[^/]+/v\\d[^/]*/';
const builtIn = '^libs/kinds/src/(?:built-in|definition)/';

/** No two folders below these need each other; type-only imports count, specs and what is for them do not. */
export const withoutFolderCircles = ['libs/kinds/src'];

export const specs = '\\.(int-|e2e-|rig-)?spec\\.ts$';

export const rules = [
  {
    name: 'no-circular',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  { name: 'not-resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  {
    name: 'apps-do-not-import-each-other',
    severity: 'error',
    from: { path: '^apps/([^/]+)/' },
    to: { path: '^apps/', pathNot: '^apps/$1/' },
  },
  {
    name: 'libs-do-not-import-apps',
    severity: 'error',
    from: { path: '^libs/', pathNot: lib('testing') },
    to: { path: '^apps/' },
  },
  {
    name: 'only-tests-use-testing',
    severity: 'error',
    from: { path: '^(apps|libs)/', pathNot: [specs, testing] },
    to: { path: testing },
  },
  ...Object.entries(allowed).map(([name, others]) => ({
    name: `${name}-imports-only-${others.join('-') || 'itself'}`,
    severity: 'error',
    from: { path: lib(name), pathNot: specs },
    to: { path: '^libs/', pathNot: [name, ...others].map(lib) },
  })),
  ...apiFolders.map((name, at) => ({
    name: `api-${name}-imports-only-what-stands-below-it`,
    comment: 'imports of types count',
    severity: 'error',
    from: { path: api(name), pathNot: [specs, testing] },
    to: { path: '^apps/api/src/', pathNot: [...apiFolders.slice(0, at + 1).map(api)] },
  })),
  {
    name: 'libraries-have-one-door',
    comment: 'imports across folders go through index.ts',
    severity: 'error',
    from: { path: '^(?:libs|apps)/([^/]+)/' },
    to: { path: '^libs/([^/]+)/src/', pathNot: ['^libs/[^/]+/src/index\\.ts$', '^libs/$1/'] },
  },
  {
    name: 'a-reconciler-imports-no-reconciler',
    severity: 'error',
    from: { path: '\\.reconciler\\.ts$' },
    to: { path: '\\.reconciler\\.ts$' },
  },
  {
    name: 'storage-alone-knows-sql',
    severity: 'error',
    from: {
      path: '^(apps|libs)/',
      pathNot: ['^apps/api/src/storage/', lib('testing'), lib('postgres'), testing, specs],
    },
    to: { path: '^node_modules/(pg|typeorm)/' },
  },
  {
    name: 'the-object-path-knows-no-container',
    comment: 'it is put together once, in apps/api/src/modules',
    severity: 'error',
    from: {
      path: apiFolders.filter((name) => !['injection', 'http'].includes(name)).map(api),
      pathNot: [specs, testing],
    },
    to: { path: '^node_modules/@nestjs/' },
  },
  {
    name: 'generic-code-knows-no-kind',
    severity: 'error',
    from: {
      path: '^libs/kinds/src/',
      pathNot: [kindFolders, '^libs/kinds/src/built-in/', '^libs/kinds/src/index\\.ts$', testing, specs],
    },
    to: { path: kindFolders },
  },
  {
    name: 'kinds-do-not-know-which-kinds-there-are',
    severity: 'error',
    from: { path: kindFolders, pathNot: [testing, specs] },
    to: { path: builtIn },
  },
  {
    name: 'kinds-know-no-framework',
    severity: 'error',
    from: {
      path: [lib('kinds'), lib('cel'), lib('apimachinery'), lib('controllers'), lib('scheduler'), lib('client')],
    },
    to: { path: '^node_modules/(@nestjs|fastify|typeorm|pg)/' },
  },
];

/** Folders of the node agent, from the process down to the runtime: each imports only what stands after it. */
export const agentFloors = [
  'server network static-pods sync',
  'pipe',
  'eviction probes',
  'execute',
  'admission images',
  'volumes report',
  'plan',
  'node',
  'observe',
  'pod',
  'runtime',
].map((floor) => floor.split(' '));

rules.push(
  ...agentFloors.flatMap((floor, index) =>
    floor.map((name) => ({
      name: `node-agent-${name}-imports-only-what-is-below-it`,
      severity: 'error',
      from: { path: `^apps/node-agent/src/${name}/`, pathNot: [specs, testing] },
      to: {
        path: '^apps/node-agent/src/',
        pathNot: [name, ...agentFloors.slice(index + 1).flat()].map((folder) => `^apps/node-agent/src/${folder}/`),
      },
    })),
  ),
);
