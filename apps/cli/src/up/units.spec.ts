import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';
import { argumentsOf, flagsOf, parseFlags } from '#settings';
import { layoutOf } from '../layout.js';
import { resolveSettings } from '../settings.js';
import {
  agentFlags,
  callersVariables,
  NATIVE_PARTS,
  nodeEnvironment,
  OF_CONTAINERD,
  serverFlags,
  servesIngress,
  unitNames,
} from './units.js';

const layout = layoutOf('/d');
const settings = (...args: string[]) =>
  resolveSettings(
    parseFlags(flagsOf('up'), ['--node-name=n', '--node-ip=192.0.2.1', ...args]).values,
    undefined,
    undefined,
    {},
  );
const has = (flags: string[], ...wanted: string[]) =>
  assert.deepEqual(
    wanted.filter((flag) => !flags.includes(flag)),
    [],
    flags.join(' '),
  );
const names = (flags: string[]) => flags.map((flag) => flag.slice(2).split('=')[0]!);

describe('Arguments of the processes that up starts', () => {
  test('the agent is given what up was told, under its own names', () => {
    has(
      agentFlags(
        layout,
        settings(
          '--agent-port=7250',
          '--eviction-hard=',
          '--pod-pids-limit=100',
          '--log-level=debug',
          '--proxy-mode=none',
        ),
      ),
      ...['--port=7250', '--eviction-hard=', '--pod-pids-limit=100', '--log-level=debug', '--proxy-mode=none'],
    );
  });

  test('what up was not told follows the data directory', () => {
    has(
      agentFlags(layout, settings()),
      ...[
        '--data-dir=/d',
        '--kubeconfig=/d/agent.kubeconfig',
        '--pod-logs-dir=/d/pod-logs',
        '--cni-conf-dir=/d/cni/net.d',
      ],
      '--container-runtime-endpoint=/d/run/containerd/containerd.sock',
    );
  });

  test("a runtime of the user's own keeps its network", () => {
    has(
      agentFlags(layout, settings('--container-runtime-endpoint=unix:///run/own.sock')),
      ...['--container-runtime-endpoint=/run/own.sock', '--cni-conf-dir='],
    );
  });

  test('the server is given what up was told, and where others reach it', () => {
    const flags = serverFlags(layout, { ...settings('--dns-port=7053', '--tracing', '--shared-database'), node: true });
    has(flags, '--cluster-dns-port=7053', '--tracing=true', '--shared-database=true', '--advertise-address=192.0.2.1');
    has(flags, '--local-node-name=n', '--local-node-ip=192.0.2.1');
    has(serverFlags(layout, settings('--advertise-address=192.0.2.7')), '--advertise-address=192.0.2.7');
  });

  test('a server without a node here makes no credentials for one', () => {
    const flags = serverFlags(layout, { ...settings(), node: false });
    assert.deepEqual(
      names(flags).filter((name) => name.startsWith('local-node')),
      [],
    );
  });

  test('a node serves Ingresses unless the cluster is to be without', () => {
    const all = { ...settings(), node: true };
    assert.ok(servesIngress(all) && unitNames(all).includes('ingress'));
    const without = { ...settings('--disable=local-storage,ingress'), node: true };
    assert.ok(!servesIngress(without) && !unitNames(without).includes('ingress'));
    assert.equal(servesIngress({ ...all, node: false }), false);
    has(
      argumentsOf('ingress', settings('--ingress-http-port=8080', '--no-ingress-access-log')),
      ...['--http-port=8080', '--https-port=443', '--metrics-bind-address=127.0.0.1:10254', '--access-log=false'],
    );
  });

  test('no command line has the URL of the database, and each has only flags of its program', () => {
    const all = settings('--database-url=postgres://u:p@db/x');
    const [server, agent] = [serverFlags(layout, { ...all, node: true }), agentFlags(layout, all)];
    assert.equal([...server, ...agent].join(' ').includes('postgres'), false);
    assert.ok(parseFlags(flagsOf('server'), server));
    assert.ok(parseFlags(flagsOf('agent'), agent));
  });
});

test('a process is given the variables of the caller that are meant for it, and no others', () => {
  const env = {
    HTTPS_PROXY: 'http://proxy:3128',
    no_proxy: '10.0.0.0/8',
    SSL_CERT_FILE: '/certs',
    NODE_OPTIONS: '--import /sdk.mjs',
    OTEL_SERVICE_NAME: 'berth',
    HOME: '/root',
    MY_HTTP_PROXY: 'x',
  };
  const { HTTPS_PROXY, no_proxy, SSL_CERT_FILE, NODE_OPTIONS, OTEL_SERVICE_NAME } = env;
  assert.deepEqual(callersVariables(env, OF_CONTAINERD), { HTTPS_PROXY, no_proxy, SSL_CERT_FILE });
  const ours = { MALLOC_ARENA_MAX: '2', NODE_ENV: 'production' };
  assert.deepEqual(nodeEnvironment(env), { ...ours, NODE_OPTIONS, OTEL_SERVICE_NAME });
  assert.equal(nodeEnvironment({ MALLOC_ARENA_MAX: '8' }).MALLOC_ARENA_MAX, '8');
});

test('every native library is a part of the program that restarts with it', () => {
  const libraries = readdirSync(join(installation, 'native')).filter((crate) =>
    existsSync(join(installation, 'native', crate, 'index.d.ts')),
  );
  assert.ok(libraries.length > 0);
  assert.deepEqual(
    [...libraries, 'dns', 'ingress'].sort(),
    Object.values(NATIVE_PARTS)
      .flatMap((parts) => [...parts])
      .sort(),
  );
});
