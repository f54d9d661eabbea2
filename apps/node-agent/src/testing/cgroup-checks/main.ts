// The cgroups of pods on the machine that this runs on: `node main.js '{"driver":"systemd","program":"runc","curve":"linear","pods":100,"short":false}'`.
// Runs inside the machines of test/rigs, as root. Each check prints `ok NAME` or `FAIL NAME: why`; exit status 1 when one failed.
import assert from 'node:assert/strict';
import { CGROUP_DRIVERS } from '../../runtime/cgroup-driver.js';
import { CgroupBench, type CheckedSetup } from './cgroup-bench.js';
import { unified } from './cgroup-files.js';
import { checkCrowd } from './crowd.js';
import { checkHugepages } from './hugepages.js';
import { checkLimits } from './limits.js';
import { checkMemoryPolicies } from './memory-policies.js';
import { checkEviction } from './pressure.js';

const setup = JSON.parse(process.argv[2] ?? '{}') as CheckedSetup;
assert.ok(CGROUP_DRIVERS.includes(setup.driver), `a driver is one of ${CGROUP_DRIVERS.join(', ')}`);

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
