import assert from 'node:assert/strict';
import { join } from 'node:path';
import { flagsOf, parseFlags } from '#settings';
import { resolveSettings } from './settings.js';

const resolve = (args: string[], last?: ReturnType<typeof resolveSettings>) =>
  resolveSettings(parseFlags(flagsOf('up'), args).values, last, undefined, {});

test('what the last up was told holds until it is told otherwise', () => {
  const first = resolve(['--secure-port=7443', '--node-name=Alpha']);
  const second = resolve(['--agent-port=11250'], first);
  assert.equal(second.securePort, 7443);
  assert.equal(second.nodeName, 'alpha');
  assert.equal(second.agentPort, 11250);
});

const bad: [args: string[], message: RegExp][] = [
  [['--secure-port=http'], /--secure-port: must be a port number \(1-65535\): got http$/],
  [['--secure-port=70000'], /--secure-port: must be a port number \(1-65535\): got 70000$/],
  [['--cluster-cidr=10.0.0.0'], /--cluster-cidr: must be an IPv4 range .*: got 10\.0\.0\.0$/],
  [['--cluster-cidr=10.96.0.0/12'], /overlap/],
  [['--cluster-cidr=10.244.0.0/25'], /from \/8 to \/24/],
  [
    ['--service-cluster-ip-range=10.97.0.0/29'],
    /--service-cluster-ip-range: must be an IPv4 range .*to \/28.*: got 10\.97\.0\.0\/29$/,
  ],
  [['--service-cluster-ip-range=fd00::/112'], /--service-cluster-ip-range: must be an IPv4 range .*: got fd00::\/112$/],
  [['--service-cluster-ip-range=10.96.0.0/16,10.97.0.0/16'], /only one IPv6 range, .*, can follow the IPv4 range/],
  [['--node-ip=nowhere'], /--node-ip: must be an IP address: got nowhere$/],
  [['--proxy-mode=ebpf'], /--proxy-mode: must be one of .*: got ebpf$/],
  [['--database-url=mysql://x'], /--database-url/],
  [['--node-name=a_b'], /--node-name/],
  [['--shutdown-send-retry-after=yes'], /--shutdown-send-retry-after: must be true or false: got yes$/],
  [['--cni-conf-dir=/etc/cni/net.d', '--container-runtime-endpoint=/run/c.sock'], /--cni-conf-dir: must be empty with/],
  [['--eviction-hard=disk<5%'], /^--eviction-hard: unsupported eviction signal disk$/],
  [['--allowed-unsafe-sysctls=vm.swappiness'], /^--allowed-unsafe-sysctls: the sysctl vm.swappiness is not known/],
  [['--minimum-image-ttl-duration=2'], /^--minimum-image-ttl-duration: time: missing unit/],
  [['--log-level=loud'], /^--log-level: must be one of debug, info, warn, error: got loud$/],
  [['--timeout=soon'], /^--timeout: must be a whole number of at least 1: got soon$/],
  [['--colour=red'], /Unknown option '--colour'/],
  [['--secure-port'], /--secure-port/],
];
for (const [args, message] of bad) {
  test(`${args.join(' ')} is refused by name`, () => assert.throws(() => resolve(args), { message }));
}

test('a switch of the cluster stays as it is until it is told otherwise', () => {
  const first = resolve(['--shutdown-send-retry-after=true']);
  const second = resolve([], first);
  assert.deepEqual(
    [resolve([]), first, second, resolve(['--shutdown-send-retry-after=false'], second)].map(
      (last) => last.shutdownSendRetryAfter,
    ),
    [false, true, true, false],
  );
});

test('a range is kept by its first address', () => {
  const settings = resolve(['--service-cluster-ip-range=10.97.5.7/16', '--cluster-cidr=10.12.3.4/16']);
  assert.deepEqual([settings.serviceClusterIpRange, settings.clusterCidr], ['10.97.0.0/16', '10.12.0.0/16']);
});

test('Services may have addresses of a second family', () => {
  const both = '10.96.0.0/16,fd00:10:96::/112';
  assert.equal(resolve([`--service-cluster-ip-range=${both}`]).serviceClusterIpRange, both);
});

test('the Service range of a cluster cannot change', () => {
  const first = resolve([]);
  assert.throws(() => resolve(['--service-cluster-ip-range=10.97.0.0/16'], first), /was created with 10\.96\.0\.0\/16/);
});

test('a flag counts more than the file, that more than the environment, and that more than the last time', () => {
  const flag = { 'database-url': 'postgres://flag' };
  const file = { values: new Map([['databaseUrl', 'postgres://file']]), nameOf: () => '' };
  const environment = { DATABASE_URL: 'postgres://environment' };
  const last = { ...resolve([]), databaseUrl: 'postgres://last' };
  assert.deepEqual(
    [
      resolveSettings(flag, last, file, environment),
      resolveSettings({}, last, file, environment),
      resolveSettings({}, last, undefined, environment),
      resolveSettings({}, last, undefined, {}),
    ].map(({ databaseUrl }) => databaseUrl),
    ['postgres://flag', 'postgres://file', 'postgres://environment', 'postgres://last'],
  );
});

test('a path does not depend on where the next up is called', () => {
  assert.equal(resolve(['--pod-logs-dir=logs']).podLogsDir, join(process.cwd(), 'logs'));
  assert.equal(resolve(['--pod-manifest-path=']).podManifestPath, '');
});

test('a node is asked for each time', () => {
  const without = resolve(['--no-node']);
  assert.deepEqual([without.node, resolve([], without).node], [false, process.getuid?.() === 0]);
});
