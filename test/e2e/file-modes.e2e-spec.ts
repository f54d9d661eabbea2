import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { testUnless } from '#testing';
import { Cluster, clusterMissing } from './cluster.js';
import { wrongModes } from './file-modes.js';

const skip = clusterMissing();
let cluster: Cluster;

beforeAll(() => {
  if (!skip) cluster = new Cluster('modes');
});
afterAll(() => cluster?.close());

testUnless(skip, 'files of a node are closed to others', async () => {
  await cluster.up();
  assert.deepEqual(wrongModes(cluster.dataDir), []);
  for (const path of ['run/containerd/containerd.sock', 'agent/pods', 'cni/net.d', 'pki/agent-server.key']) {
    assert.ok(existsSync(join(cluster.dataDir, path)), `${path} was looked at`);
  }
});
