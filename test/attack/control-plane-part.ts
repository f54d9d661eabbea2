import { matching, runRows } from './attack.js';
import { ControlPlane } from './control-plane.js';
import { makeIdentities } from './identities.js';
import { controlPlaneRows } from './rows.js';
import { makeScenery, stateOfOthers } from './scenery.js';
import { report, reported } from './summary.js';

// One process that attacks one server: `control-plane-part.js ADDRESS [WORD...]`, started by main.ts.
const [address = '127.0.0.1', ...words] = process.argv.slice(2);
const plane = await ControlPlane.start(address);
const giveUp = (): void => void plane.close().finally(() => process.exit(1));
process.once('SIGTERM', giveUp);
process.once('SIGINT', giveUp);
process.once('disconnect', giveUp);
try {
  await makeScenery(plane);
  const who = await makeIdentities(plane);
  const stage = { plane, who, untouched: await stateOfOthers(plane) };
  await runRows(matching(controlPlaneRows, words), stage, plane.requester.send, report);
} finally {
  await plane.close();
}
await reported();
process.exit(0);
