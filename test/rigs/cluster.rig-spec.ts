import assert from 'node:assert/strict';
import { join } from 'node:path';
import { installation, which } from '#host';
import { testUnless } from '#testing';
import { Cluster } from './cluster.js';
import { runtimePrograms, runtimesMissing } from './programs.js';

const SECONDS = 400;
const POINTS = ['up', 'seen'];

/** What a machine does that has the others at these addresses. The second one has containerd 2. */
const script = (machine: number, own: string, others: readonly string[]) => `
set -e
export KUBECONFIG=/root/kubeconfig
${machine === 1 ? `export PATH=${runtimePrograms('testing')}:$PATH` : ''}
berth() { ${process.execPath} ${join(installation, 'bin/berth.mjs')} "$@"; }
berth up
berth status
kubectl create configmap whose --from-literal=address=${own}
kubectl wait --for=condition=Ready node --all --timeout=120s
kubectl get nodes -o 'jsonpath={.items[*].status.nodeInfo.containerRuntimeVersion}'; echo
together up
[ "$(kubectl get configmap whose -o 'jsonpath={.data.address}')" = ${own} ]
kubectl get nodes -o 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}'; echo " is the only node"
for address in ${others.join(' ')}; do
  curl --silent --fail --insecure "https://$address:6443/version" | grep -q gitVersion && echo "$address answers"
done
together seen
berth delete`;

const missing = Cluster.missing() ?? runtimesMissing('testing') ?? (which('kubectl') ? undefined : 'needs kubectl');
testUnless(missing, 'a cluster boots Berth on each of its machines, and they reach each other', async () => {
  const cluster = new Cluster(2);
  const { addresses } = cluster;
  const others = (machine: number) => addresses.filter((_, index) => index !== machine);
  try {
    const outcomes = await cluster.run(
      (machine) => script(machine, addresses[machine]!, others(machine)),
      POINTS,
      SECONDS,
    );
    for (const [machine, { status, output }] of outcomes.entries()) {
      assert.equal(status, 0, output);
      assert.match(output, machine === 1 ? /^containerd:\/\/v?2\./m : /^containerd:\/\//m);
      assert.match(output, new RegExp(`^${addresses[machine]} is the only node$`, 'm'));
      for (const other of others(machine)) assert.match(output, new RegExp(`^${other} answers$`, 'm'));
    }
  } finally {
    cluster.close();
  }
});
