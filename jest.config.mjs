// The rings of `npm test` that jest runs, as projects of one name each. `scripts/test.mjs` chooses among them.
const MINUTE = 60_000;

const ring = (name, suffix, { testMinutes, fileMinutes = 15, workers }) => ({
  displayName: name,
  rootDir: import.meta.dirname,
  roots: ['<rootDir>/dist'],
  testMatch: [`<rootDir>/dist/**/*${suffix}.js`],
  // Tests run on the emitted code.
  transform: {},
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  runner: [
    '<rootDir>/scripts/jest/file-runner.mjs',
    { testTimeoutMs: testMinutes * MINUTE, fileTimeoutMs: fileMinutes * MINUTE, workers },
  ],
});

export default {
  projects: [
    ring('unit', '.spec', { testMinutes: 2 }),
    ring('integration', '.int-spec', { testMinutes: 5 }),
    // Clusters share the machine's network rules and cgroups: one file at a time.
    ring('e2e', '.e2e-spec', { testMinutes: 10, workers: 1 }),
    // Of the unit ring, with as many seeds as `npm run simulate` is told.
    ring('simulation', '{.simulation,-counting}.spec', { testMinutes: 60, fileMinutes: 120 }),
    // Programs of others: the first run fetches and builds them.
    ring('clients', '.client-spec', { testMinutes: 10, fileMinutes: 90, workers: 1 }),
    ring('rigs', '.rig-spec', { testMinutes: 15, fileMinutes: 90, workers: 1 }),
  ],
  maxWorkers: '100%',
  watchman: false,
  coverageProvider: 'v8',
  coverageDirectory: '<rootDir>/node_modules/.cache/coverage',
  coverageReporters: ['text-summary', 'html'],
  reporters: ['<rootDir>/scripts/jest/ring-reporter.mjs'],
};
