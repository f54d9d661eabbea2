// The cgroups of pods on the machine that this runs on: `node main.js '{"driver":"systemd","program":"runc","curve":"linear","pods":100,"short":false}'`.
// Runs inside the machines of test/rigs, as root. Each check prints `ok NAME` or `FAIL NAME: why`; exit status 1 when one failed.
import assert from 'node:assert/strict';
import { CgroupBench, type CheckedSetup } from './cgroup-bench.js';
import { DRIVERS, unified } from './cgroup-files.js';
import { checkCrowd } from './crowd.js';
import { checkHugepages } from './hugepages.js';
import { checkLimits } from './limits.js';
import { checkMemoryPolicies } from './memory-policies.js';
import { checkEviction } from './pressure.js';

const setup = JSON.parse(process.argv[2] ?? '{}') as CheckedSetup;
assert.ok(DRIVERS.includes(setup.driver), `a driver is one of ${DRIVERS.join(', ')}`);

const bench = await CgroupBench.start(setup);
await checkLimits(bench);
await checkHugepages(bench);
if (setup.pods > 0) await checkCrowd(bench, setup.pods);
if (!setup.short) {
  if (unified) await checkMemoryPolicies(bench);
  await checkEviction(bench);
}
await bench.close();
console.log(bench.failed === 0 ? 'all checks passed' : `${bench.failed} checks failed`);
process.exit(bench.failed === 0 ? 0 : 1);
