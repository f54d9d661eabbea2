// Replaces the pods of a Deployment, which have no hooks and die of the signal at once, while clients ask them 200 times a second:
// `npm run rollouts -- --rounds 100`. Exit status 1 when a request failed. Needs root.
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '100' } } });
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a whole number above 0, not ${JSON.stringify(values.rounds)}`);
  process.exit(2);
}
execFileSync(process.execPath, ['scripts/build-ts.mjs'], { stdio: 'inherit' });
const { Cluster, clusterMissing } = await import('../dist/test/e2e/cluster.js');
const { Rollouts } = await import('../dist/test/e2e/rollouts.js');
const missing = clusterMissing();
if (missing) {
  console.error(`no cluster can run here: ${missing}`);
  process.exit(1);
}
let stopped = false;
process.once('SIGINT', () => {
  stopped = true;
});
const cluster = new Cluster('rollouts');
try {
  await cluster.up();
  const rollouts = new Rollouts(cluster);
  await rollouts.prepare();
  const results = await rollouts.run(rounds, (round) => {
    console.error(`roll-out ${round} of ${rounds}`);
    return !stopped;
  });
  const log = await cluster.ok(cluster.berth('logs', `--data-dir=${cluster.dataDir}`, '--lines=100000', 'agent'));
  const late = log.split('\n').filter((line) => line.includes('new connections may still be led to it')).length;
  console.log(`pods whose time to leave was over: ${late}`);
  for (const [way, { requests, failures }] of Object.entries(results)) {
    console.log(`${way}: ${failures.length} of ${requests} requests failed`);
    for (const failure of failures) console.log(`  ${failure}`);
    if (failures.length > 0) process.exitCode = 1;
  }
} finally {
  await cluster.close();
}
