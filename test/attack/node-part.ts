import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { matching, runRows } from './attack.js';
import { beside, NodeUnderAttack } from './node.js';
import { nodeRows } from './node.rows.js';
import { makeNodeScenery } from './node-scenery.js';
import { report, reported } from './summary.js';

// Runs inside the network namespace of a running cluster: `node-part.js DATA_DIR NODE_IP NETWORK [WORD...]`, started by main.ts.
const [dataDir, address, network, ...words] = process.argv.slice(2);
const node = await NodeUnderAttack.at(dataDir!, address!, network!);
const responder = join(dirname(fileURLToPath(import.meta.url)), '..', 'e2e', 'dns-responder.js');
const endResponder = beside(process.execPath, [responder, address!, '5300']);
process.once('SIGTERM', () => {
  endResponder();
  process.exit(1);
});
try {
  const stage = await makeNodeScenery(node);
  await runRows(matching(nodeRows, words), stage, node.requester.send, report);
} finally {
  endResponder();
}
await reported();
process.exit(0);
