import assert from 'node:assert/strict';
import { parseConfig } from './config-flags.js';

const DATABASE = ['--database-url', 'postgresql://localhost/x'];

describe('flags', () => {
  test('have the defaults of the architecture', () => {
    const config = parseConfig(DATABASE, {})!;
    assert.equal(config.securePort, 6443);
    assert.equal(config.serviceClusterIpRange, '10.96.0.0/16');
    assert.deepEqual([...config.components], ['api', 'controllers', 'scheduler']);
  });

  test('tracing is off unless it is asked for', () => {
    assert.equal(parseConfig(DATABASE, {})!.tracing, false);
    assert.equal(parseConfig([...DATABASE, '--tracing'], {})!.tracing, true);
  });

  test('nothing is audited without both a policy and a back end', () => {
    const audit = (...args: string[]) => parseConfig([...DATABASE, ...args], {})!.audit;
    const [policy, log] = ['--audit-policy-file=/p.yaml', '--audit-log-path=/a.log'];
    assert.equal(audit(), undefined);
    assert.equal(audit(policy), undefined);
    assert.equal(audit(log), undefined);
    assert.deepEqual(audit(policy, log)!.log, {
      path: '/a.log',
      format: 'json',
      rotation: { maxBytes: 100 * 1024 * 1024, maxBackups: 100, maxAgeDays: 366, compress: false },
      delivery: {
        mode: 'blocking',
        batch: { bufferSize: 10_000, maxBatchSize: 1, maxBatchWaitMs: 0, throttle: undefined, parallel: false },
        truncate: undefined,
      },
    });
    assert.deepEqual(
      audit(policy, '--audit-webhook-config-file=/w', '--audit-webhook-truncate-enabled=true')!.webhook,
      {
        configFile: '/w',
        initialBackoffMs: 10_000,
        delivery: {
          mode: 'batch',
          batch: {
            ...{ bufferSize: 10_000, maxBatchSize: 400, maxBatchWaitMs: 30_000 },
            ...{ throttle: { qps: 10, burst: 15 }, parallel: true },
          },
          truncate: { maxEventSize: 102_400, maxBatchSize: 10_485_760 },
        },
      },
    );
    assert.throws(() => audit(policy, log, '--audit-log-truncate-max-batch-size=5'), {
      message: 'invalid audit truncate log max batch size 5, must be greater than max event size (102400)',
    });
  });

  test('a database is shared when that is said', () => {
    assert.equal(parseConfig(DATABASE, {})!.sharedDatabase, false);
    assert.equal(parseConfig([...DATABASE, '--shared-database'], {})!.sharedDatabase, true);
  });

  test('a switch may have a value', () => {
    const tracing = (...args: string[]) => parseConfig([...DATABASE, ...args], {})!.tracing;
    assert.deepEqual(
      [tracing('--tracing=false'), tracing('--tracing', 'false'), tracing('--tracing=true')],
      [false, false, true],
    );
  });

  test('a node here has credentials made for it', () => {
    const node = (...args: string[]) =>
      parseConfig([...DATABASE, '--advertise-address=192.0.2.1', ...args], {})!.localNode;
    assert.equal(node(), undefined);
    assert.deepEqual(node('--local-node-name=Alpha'), { name: 'alpha', ip: '192.0.2.1' });
    assert.deepEqual(node('--local-node-name=alpha', '--local-node-ip=192.0.2.2'), { name: 'alpha', ip: '192.0.2.2' });
  });

  test('the database may come from the environment', () => {
    assert.equal(parseConfig([], { DATABASE_URL: 'postgres://db/y' })!.databaseUrl, 'postgres://db/y');
  });

  const bad: [args: string[], message: RegExp][] = [
    [['--nope'], /--nope/],
    [['--secure-port', 'abc'], /^--secure-port: must be a port number \(0-65535\): got abc$/],
    [['--secure-port', '70000'], /^--secure-port: must be a port number \(0-65535\): got 70000$/],
    [['--service-cluster-ip-range', '10.0.0.0'], /^--service-cluster-ip-range: invalid CIDR "10.0.0.0"/],
    [['--service-cluster-ip-range', 'fd00::/48'], /: invalid IPv6 CIDR "fd00::\/48": expected a prefix length from 64/],
    [['--service-cluster-ip-range', '10.0.0.0/16,10.1.0.0/16'], /: the two entries must be of different IP family$/],
    [['--service-cluster-ip-range', '10.0.0.0/16,fd00::/108,fd01::/108'], /: must not contain more than two entries$/],
    [['--cluster-cidr', 'fd00::/64'], /^--cluster-cidr: the first entry must be IPv4/],
    [['--service-node-port-range', '5-1'], /^--service-node-port-range: invalid port range/],
    [['--components', 'api,kitchen'], /^--components: must be one of api, controllers, scheduler: got kitchen$/],
    [['--cluster-domain', 'A b'], /^--cluster-domain: /],
    [['--logging-format', 'xml'], /^--logging-format: must be one of text, json: got xml$/],
    [['--log-level', 'loud'], /^--log-level: must be one of debug, info, warn, error: got loud$/],
    [['--shutdown-send-retry-after', 'yes'], /^--shutdown-send-retry-after: must be true or false: got yes$/],
    [['--database-url', 'mysql://x'], /^--database-url: must begin with postgres:\/\/ or postgresql:\/\/$/],
    [['--bind-address', 'everywhere'], /^--bind-address: must be an IP address: got everywhere$/],
    [['--tracing=maybe'], /^--tracing: must be true or false: got maybe$/],
  ];
  for (const [args, message] of bad) {
    test(`${args.join(' ')} is refused by name`, () => {
      assert.throws(() => parseConfig([...DATABASE, ...args], {}), { name: 'SettingError', message });
    });
  }

  test('without a database there is nothing to start', () => {
    assert.throws(() => parseConfig([], {}), { name: 'SettingError', message: /--database-url is required/ });
  });
});
