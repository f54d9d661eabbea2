import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { Cluster, clusterMissing } from './cluster.js';
import { wrongModes } from './file-modes.js';

const skip = clusterMissing();
let cluster: Cluster;

before(() => {
  if (!skip) cluster = new Cluster('modes');
});
after(() => cluster?.close());

it('files of a node are closed to others', { skip }, async () => {
  await cluster.up();
  assert.deepEqual(wrongModes(cluster.dataDir), []);
  for (const path of ['run/containerd/containerd.sock', 'agent/pods', 'cni/net.d', 'pki/agent-server.key']) {
    assert.ok(existsSync(join(cluster.dataDir, path)), `${path} was looked at`);
  }
});
