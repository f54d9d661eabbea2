import assert from 'node:assert/strict';
import { type KubeObject, StatusError } from '#apimachinery';
import { MetricsRegistry } from '#telemetry';
import type { AdmissionRequest } from '../admission-request.js';
import { PRIVILEGED } from '../pod-security/pod-policy.js';
import { PodSecurityMetrics } from '../pod-security/pod-security-metrics.js';
import { alice, lister, onePod, request } from '../testing/admission-requests.js';
import { NO_EXEMPTIONS, PodSecurity, type PodSecurityOptions } from './pod-security.js';

const P = 'pod-security.kubernetes.io/';
const labels = (own: Record<string, string>) =>
  Object.fromEntries(Object.entries(own).map(([name, value]) => [`${P}${name}`, value]));
const HOSTILE = { hostNetwork: true };
const PROBLEM = 'host namespaces (hostNetwork=true)';

interface Told {
  warnings: string[];
  annotations: Record<string, string>;
  error: string | undefined;
}

function plugin(
  namespaceLabels: Record<string, string>,
  options: Partial<PodSecurityOptions['exempt']> = {},
  pods: Record<string, Record<string, unknown>> = {},
  metrics?: PodSecurityMetrics,
): PodSecurity {
  const objects = lister({ namespaces: { '/web': { metadata: { labels: labels(namespaceLabels) } } }, pods });
  return new PodSecurity(objects, { defaults: PRIVILEGED, exempt: { ...NO_EXEMPTIONS, ...options } }, metrics);
}

async function told(
  judge: PodSecurity,
  operation: AdmissionRequest['operation'],
  path: string,
  object: Record<string, unknown>,
  more: Partial<AdmissionRequest> = {},
): Promise<Told> {
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  const asked = request(operation, path, object, {
    warn: (text) => warnings.push(text),
    annotate: (key, value) => {
      annotations[key.slice(P.length)] = value;
    },
    ...more,
  });
  let error: string | undefined;
  try {
    if (judge.handles(asked)) await judge.validate(asked);
  } catch (thrown) {
    assert.ok(thrown instanceof StatusError, String(thrown));
    error = `${thrown.code} ${thrown.message}`;
  }
  return { warnings, annotations, error };
}

const old = (object: Record<string, any>): KubeObject =>
  ({ apiVersion: 'v1', kind: '', ...object, metadata: { name: 'x', ...object['metadata'] } }) as KubeObject;

describe('PodSecurity', () => {
  const refusal = `403 pods "x" is forbidden: violates PodSecurity "baseline:latest": ${PROBLEM}`;

  test('refuses, warns and notes for the audit log as the namespace asks', async () => {
    assert.deepEqual(await told(plugin({ enforce: 'baseline' }), 'CREATE', 'pods', onePod(HOSTILE)), {
      warnings: [],
      annotations: { 'enforce-policy': 'baseline:latest' },
      error: refusal,
    });
    const softer = plugin({ warn: 'baseline', audit: 'baseline', 'audit-version': 'v1.20' });
    assert.deepEqual(await told(softer, 'CREATE', 'pods', onePod(HOSTILE)), {
      warnings: [`would violate PodSecurity "baseline:latest": ${PROBLEM}`],
      annotations: {
        'enforce-policy': 'privileged:latest',
        'audit-violations': `would violate PodSecurity "baseline:v1.20": ${PROBLEM}`,
      },
      error: undefined,
    });
    assert.deepEqual((await told(plugin({}), 'CREATE', 'pods', onePod(HOSTILE))).annotations, {
      'enforce-policy': 'privileged:latest',
    });
  });

  test('warns of templates, and refuses none', async () => {
    const strict = plugin({ enforce: 'baseline' });
    const template = onePod(HOSTILE);
    const warned = [`would violate PodSecurity "baseline:latest": ${PROBLEM}`];
    const table: [string, Record<string, unknown>][] = [
      ['deployments.apps', { spec: { template } }],
      ['replicasets.apps', { spec: { template } }],
      ['statefulsets.apps', { spec: { template } }],
      ['daemonsets.apps', { spec: { template } }],
      ['replicationcontrollers', { spec: { template } }],
      ['jobs.batch', { spec: { template } }],
      ['cronjobs.batch', { spec: { jobTemplate: { spec: { template } } } }],
      ['podtemplates', { template }],
    ];
    for (const [path, object] of table) {
      const { warnings, error } = await told(strict, 'CREATE', path, object);
      assert.deepEqual([warnings, error], [warned, undefined], path);
    }
    assert.deepEqual((await told(strict, 'UPDATE', 'deployments/scale.apps', { spec: {} })).warnings, []);
    assert.deepEqual((await told(strict, 'CREATE', 'replicationcontrollers', { spec: {} })).warnings, []);
  });

  test('looks at updates that can matter', async () => {
    const strict = plugin({ enforce: 'baseline' });
    const before = { oldObject: old(onePod(HOSTILE)) };
    const update = (object: Record<string, unknown>, path = 'pods') => told(strict, 'UPDATE', path, object, before);
    assert.equal((await update(onePod(HOSTILE, { labels: { a: 'b' } }))).error, undefined);
    assert.equal((await update(onePod({ ...HOSTILE, containers: [{ name: 'c', image: 'other' }] }))).error, refusal);
    const debug = onePod({ ...HOSTILE, ephemeralContainers: [{ name: 'd', image: 'i' }] });
    assert.equal((await update(debug, 'pods/ephemeralcontainers')).error, refusal);
    assert.equal((await update(debug, 'pods/status')).error, undefined);
    assert.equal((await update(onePod(HOSTILE), 'pods/resize')).error, undefined);
  });

  test('exempts namespaces, users and runtime classes that the configuration names, and nobody by what a pod says', async () => {
    const strict = { enforce: 'restricted' };
    const exempt = async (options: Partial<PodSecurityOptions['exempt']>, spec: object = {}) =>
      told(plugin(strict, options), 'CREATE', 'pods', onePod({ ...HOSTILE, ...spec }));
    for (const [options, why] of [
      [{ namespaces: new Set(['web']) }, 'namespace'],
      [{ usernames: new Set([alice.name]) }, 'user'],
    ] as const) {
      const { error, annotations } = await exempt(options);
      assert.deepEqual([error, annotations], [undefined, { exempt: why }]);
    }
    const classes = { runtimeClasses: new Set(['kata']) };
    assert.deepEqual((await exempt(classes, { runtimeClassName: 'kata' })).annotations, { exempt: 'runtimeClass' });
    assert.match(
      (await exempt(classes, { runtimeClassName: 'runc' })).error ?? '',
      /violates PodSecurity "restricted:latest"/,
    );
    const labelled = onePod(HOSTILE, {
      labels: labels({ enforce: 'privileged' }),
      annotations: { [`${P}exempt`]: 'user' },
    });
    assert.match((await told(plugin(strict), 'CREATE', 'pods', labelled)).error ?? '', /violates PodSecurity/);
  });

  test('is strict where labels mean nothing', async () => {
    const { error, annotations } = await told(plugin({ enforce: 'strict' }), 'CREATE', 'pods', onePod(HOSTILE));
    assert.match(error ?? '', /violates PodSecurity "restricted:latest"/);
    assert.equal(
      annotations['error'],
      `Failed to parse policy: metadata.labels[${P}enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted`,
    );
  });

  test('refuses labels of namespaces that mean nothing, unless they were there before', async () => {
    const bad = { metadata: { name: 'web', labels: labels({ enforce: 'strict', 'warn-version': '1.20' }) } };
    const text =
      `422 Namespace "web" is invalid: [metadata.labels[${P}enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, ` +
      `metadata.labels[${P}warn-version]: Invalid value: "1.20": must be "latest" or "v1.x"]`;
    const kind = { group: '', version: 'v1', kind: 'Namespace' };
    assert.equal((await told(plugin({}), 'CREATE', 'namespaces', bad, { kind })).error, text);
    const good = { kind, oldObject: old({ metadata: { name: 'web' } }) };
    assert.equal((await told(plugin({}), 'UPDATE', 'namespaces', bad, good)).error, text);
    assert.equal((await told(plugin({}), 'UPDATE', 'namespaces', bad, { kind, oldObject: old(bad) })).error, undefined);
  });

  test('warns of pods that a stricter level would refuse, once for those that are alike', async () => {
    const owned = (uid: string) => ({ ownerReferences: [{ controller: true, uid }] });
    const pods = {
      'web/a': { ...onePod(HOSTILE), metadata: owned('1') },
      'web/b': { ...onePod(HOSTILE), metadata: owned('1') },
      'web/c': { ...onePod({ hostPID: true, volumes: [{ name: 'v', hostPath: {} }] }), metadata: {} },
      'web/d': { ...onePod(), metadata: {} },
      'other/e': { ...onePod(HOSTILE), metadata: {} },
    };
    const asked = (own: Record<string, string>) => ({ metadata: { name: 'web', labels: labels(own) } });
    const change = async (to: Record<string, string>, from: Record<string, string>, exempt = {}) =>
      (await told(plugin({}, exempt, pods), 'UPDATE', 'namespaces', asked(to), { oldObject: old(asked(from)) }))
        .warnings;
    assert.deepEqual(await change({ enforce: 'baseline' }, {}), [
      'existing pods in namespace "web" violate the new PodSecurity enforce level "baseline:latest"',
      'a (and 1 other pod): host namespaces',
      'c: host namespaces, hostPath volumes',
    ]);
    assert.deepEqual(await change({ enforce: 'baseline' }, { enforce: 'restricted' }), []);
    assert.deepEqual(await change({ warn: 'baseline' }, {}), []);
    assert.deepEqual(await change({ enforce: 'baseline' }, {}, { namespaces: new Set(['web']) }), [
      'namespace "web" is exempt from Pod Security, and the policy (enforce=baseline:latest) will be ignored',
    ]);
  });

  test('counts what it decides', async () => {
    const registry = new MetricsRegistry();
    const judge = plugin({ enforce: 'baseline' }, {}, {}, new PodSecurityMetrics(registry));
    await told(judge, 'CREATE', 'pods', onePod(HOSTILE));
    await told(judge, 'CREATE', 'pods', onePod());
    const text = await registry.render();
    const series = (decision: string) =>
      `pod_security_evaluations_total{decision="${decision}",policy_level="baseline",policy_version="latest",mode="enforce",request_operation="create",resource="pod",subresource=""} 1`;
    for (const decision of ['allow', 'deny']) assert.ok(text.includes(series(decision)), text);
  });
});
