// The import rules of ARCHITECTURE.md, as dependency-cruiser reads them.
const lib = (name) => `^libs/${name}/`;
/** What each library may import of the others; the table in ARCHITECTURE.md. */
const allowed = {
  apimachinery: [],
  kinds: ['apimachinery'],
  host: [],
  telemetry: [],
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
};

/** Builders and environments of tests: `libs/testing`, and a folder of that name beside what it is for. */
const testing = '/testing/';

export const specs = '\\.(int-|e2e-)?spec\\.ts$';

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
    from: { path: '^(apps|libs)/', pathNot: ['^apps/api/src/storage/', lib('testing'), lib('postgres'), specs] },
    to: { path: '^node_modules/(pg|typeorm)/' },
  },
  {
    name: 'kinds-know-no-framework',
    severity: 'error',
    from: { path: [lib('kinds'), lib('apimachinery'), lib('controllers'), lib('scheduler'), lib('client')] },
    to: { path: '^node_modules/(@nestjs|fastify|typeorm|pg)/' },
  },
];
