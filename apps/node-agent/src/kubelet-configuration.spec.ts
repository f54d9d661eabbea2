import assert from 'node:assert/strict';
import { parseOptions } from './agent-options.js';
import { kubeletConfiguration } from './kubelet-configuration.js';

const shown = (...flags: string[]) =>
  kubeletConfiguration(parseOptions(['--node-ip=192.0.2.1', '--data-dir=/d', ...flags])!);

test('the settings of the agent are shown under kubelet’s names', () => {
  const flags = ['--port=10350', '--cluster-dns=10.96.0.10,fd00::a', '--pod-pids-limit=100', '--cgroup-root=/b'];
  const { clusterDNS, port, podPidsLimit, cgroupRoot, evictionHard, staticPodPath, imageMinimumGCAge } = shown(
    ...flags,
    '--eviction-hard=memory.available<100Mi,nodefs.available<10%',
  );
  assert.deepEqual(
    { clusterDNS, port, podPidsLimit, cgroupRoot, evictionHard, staticPodPath, imageMinimumGCAge },
    {
      clusterDNS: ['10.96.0.10', 'fd00::a'],
      port: 10350,
      podPidsLimit: 100,
      cgroupRoot: '/b',
      evictionHard: { 'memory.available': '104857600', 'nodefs.available': '10%' },
      staticPodPath: '/d/manifests',
      imageMinimumGCAge: '120s',
    },
  );
});

test('what is not set is left out, and no limit is -1', () => {
  const configuration = shown('--pod-manifest-path=');
  assert.equal(configuration['podPidsLimit'], -1);
  assert.equal('staticPodPath' in configuration, false);
  assert.equal('cgroupRoot' in configuration, false);
});
