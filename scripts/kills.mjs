// Plays rounds in which processes are killed: `npm run kills -- volumes --rounds 20 --first 1`. A round that fails is played
// again by its seed: `--rounds 1 --first SEED`.
//
//   volumes  a whole cluster, whose agent, server and containerd are killed while claims come and go
//   mounts   the agent's code for volumes alone, in a process that is killed every quarter of a second
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const SUBJECTS = {
  async volumes() {
    const { Cluster, clusterMissing } = await import('../dist/test/e2e/cluster.js');
    const { VolumeKills } = await import('../dist/test/e2e/volume-kills.js');
    const missing = clusterMissing();
    if (missing) throw new Error(`no cluster can run here: ${missing}`);
    const cluster = new Cluster('kills');
    const rounds = new VolumeKills(cluster);
    return {
      rounds,
      begin: () => cluster.up().then(() => rounds.prepare()),
      end: async () => {},
      close: () => cluster.close(),
    };
  },
  async mounts() {
    const { MountKills } = await import('../dist/apps/node-agent/src/testing/mount-kills.js');
    if (process.getuid() !== 0) throw new Error('needs root');
    const rounds = new MountKills();
    return { rounds, begin: () => rounds.prepare(), end: () => rounds.end(), close: () => rounds.close() };
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '20' }, first: { type: 'string', default: '1' } },
});
const number = (name) => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`--${name} takes a whole number above 0, not ${JSON.stringify(values[name])}`);
  process.exit(2);
};
const [subject, ...others] = positionals;
if (!Object.hasOwn(SUBJECTS, subject ?? '') || others.length > 0) {
  console.error(`usage: npm run kills -- ${Object.keys(SUBJECTS).join('|')} [--rounds N] [--first SEED]`);
  process.exit(2);
}
const [rounds, first] = [number('rounds'), number('first')];
execFileSync(process.execPath, ['scripts/build-ts.mjs'], { stdio: 'inherit' });
const { rounds: kills, begin, end, close } = await SUBJECTS[subject]();

let stopped = false;
process.once('SIGINT', () => {
  stopped = true;
});
try {
  await begin();
  for (let seed = first; seed < first + rounds && !stopped; seed++) {
    const begun = Date.now();
    await kills.round(seed);
    console.log(`seed ${seed}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  }
  await end();
  console.log(`killed: ${[...kills.kills].map(([unit, count]) => `${unit} ${count}`).join(', ')}`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await close();
}
