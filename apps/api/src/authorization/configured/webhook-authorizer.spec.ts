import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '#client';
import { MetricsRegistry } from '#telemetry';
import { webhookKubeconfig } from '../../webhook-client/testing/webhook-kubeconfig.js';
import { type WebhookServer, webhookServer } from '../../webhook-client/testing/webhook-server.js';
import { AuthorizationMetrics } from '../authorization-metrics.js';
import type { AuthorizationAttributes } from '../authorizer.js';
import type { AuthorizationWebhook } from './authorization-configuration.js';
import { WebhookAuthorizer } from './webhook-authorizer.js';

const ATTRIBUTES: AuthorizationAttributes = {
  user: { name: 'jane', groups: ['dev', 'system:authenticated'], uid: '7', extra: { 'acme.io/x': ['y'] } },
  ...{ verb: 'list', resourceRequest: true, group: 'apps', version: 'v1', resource: 'deployments' },
  ...{ subresource: '', namespace: 'web', name: '', path: '' },
};

describe('a webhook that authorizes', () => {
  let webhook: WebhookServer;
  let folder: string;
  let metrics: MetricsRegistry;
  let stop: AbortController;
  let now: number;
  const made: WebhookAuthorizer[] = [];

  beforeAll(async () => {
    webhook = await webhookServer();
    folder = await mkdtemp(join(tmpdir(), 'berth-authorizer-'));
  });
  beforeEach(() => {
    now = 1000;
    webhook.received.length = 0;
    metrics = new MetricsRegistry();
    stop = new AbortController();
  });
  afterEach(() => {
    stop.abort();
    for (const one of made.splice(0)) one.close();
  });
  afterAll(async () => {
    await webhook.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function authorizer(more: Partial<AuthorizationWebhook> = {}): Promise<WebhookAuthorizer> {
    const kubeConfigFile = await webhookKubeconfig(join(folder, 'config'), webhook);
    const configuration: AuthorizationWebhook = {
      ...{ authorizedTtlMs: 300_000, cacheAuthorizedRequests: true, timeoutMs: 20_000 },
      ...{ unauthorizedTtlMs: 30_000, cacheUnauthorizedRequests: true, matchConditions: [] },
      ...{ subjectAccessReviewVersion: 'v1', matchConditionSubjectAccessReviewVersion: 'v1' },
      ...{ failurePolicy: 'NoOpinion', connectionInfo: { type: 'KubeConfigFile', kubeConfigFile } },
      ...more,
    };
    const one = new WebhookAuthorizer('hook', configuration, {
      ...{ clock: () => now, logger: silentLogger, signal: stop.signal, firstPauseMs: 1 },
      metrics: new AuthorizationMetrics(metrics),
    });
    made.push(one);
    return one;
  }

  const answer = (status: unknown, more: object = {}) => ({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    status,
    ...more,
  });
  const value = (name: string, labels: Record<string, string>) =>
    metrics
      .samples()
      .filter(({ metricName }) => metricName === `apiserver_authorization_${name}`)
      .find((sample) => Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted))?.value ?? 0;

  it('is told who asks for what', async () => {
    webhook.handle = () => answer({ allowed: true });
    const asked = await authorizer();
    const selectors = {
      fieldSelector: [{ key: 'metadata.name', operator: 'In' as const, values: ['a'] }],
      labelSelector: [
        { key: 'app', operator: 'In' as const, values: ['a', 'b'] },
        { key: 'old', operator: 'DoesNotExist' as const, values: [] },
      ],
    };
    await asked.authorize({ ...ATTRIBUTES, ...selectors });
    await asked.authorize({
      ...ATTRIBUTES,
      user: { name: '', groups: [] },
      resourceRequest: false,
      verb: 'get',
      path: '/x',
    });
    assert.deepEqual(webhook.received, [
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        metadata: {},
        spec: {
          resourceAttributes: {
            ...{ namespace: 'web', verb: 'list', group: 'apps', version: 'v1', resource: 'deployments' },
            fieldSelector: { requirements: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] },
            labelSelector: {
              requirements: [
                { key: 'app', operator: 'In', values: ['a', 'b'] },
                { key: 'old', operator: 'DoesNotExist' },
              ],
            },
          },
          ...{ user: 'jane', groups: ['dev', 'system:authenticated'], extra: { 'acme.io/x': ['y'] }, uid: '7' },
        },
        status: { allowed: false },
      },
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        metadata: {},
        spec: { nonResourceAttributes: { path: '/x', verb: 'get' } },
        status: { allowed: false },
      },
    ]);
  });

  it('is told it in the fields of v1beta1, which has another name for groups', async () => {
    webhook.handle = () => answer({ allowed: true }, { apiVersion: 'authorization.k8s.io/v1beta1' });
    const asked = await authorizer({ subjectAccessReviewVersion: 'v1beta1' });
    assert.equal((await asked.authorize(ATTRIBUTES)).decision, 'Allow');
    const [{ apiVersion, spec }] = webhook.received;
    assert.equal(apiVersion, 'authorization.k8s.io/v1beta1');
    assert.deepEqual(spec.group, ATTRIBUTES.user.groups);
    assert.equal(spec.groups, undefined);
  });

  const BOTH = 'webhook subject access review returned both allow and deny response';
  const statuses: [status: object, decision: object][] = [
    [
      { allowed: true, reason: 'r' },
      { decision: 'Allow', reason: 'r' },
    ],
    [{ allowed: false }, { decision: 'NoOpinion', reason: '' }],
    [
      { denied: true, reason: 'never' },
      { decision: 'Deny', reason: 'never' },
    ],
    [
      { denied: true, allowed: true },
      { decision: 'Deny', reason: '', error: BOTH },
    ],
  ];
  test.each(statuses)('answers %j', async (status, decision) => {
    webhook.handle = () => answer(status);
    assert.deepEqual(await (await authorizer()).authorize(ATTRIBUTES), decision);
  });

  const failures: [what: string, handle: WebhookServer['handle'], message: RegExp, result: string][] = [
    ['a failure', (_, response) => void response.writeHead(403).end('not you'), /not you/, 'error'],
    ['nothing', () => undefined, /context deadline exceeded/, 'timeout'],
    ['rubbish', (_, response) => void response.end('{'), /json parse error/, 'error'],
    ['yes as a text', () => answer({ allowed: 'true' }), /allowed that is no boolean/, 'error'],
    ['yes as a number', () => answer({ allowed: 1 }), /allowed that is no boolean/, 'error'],
    ['a status that is none', () => answer([{ allowed: true }]), /answered no SubjectAccessReview/, 'error'],
    ['another kind', () => answer({ allowed: true }, { kind: 'TokenReview' }), /no SubjectAccessReview/, 'error'],
    ['too much', () => answer({ allowed: true, reason: 'x'.repeat(2e6) }), /larger than 1048576 bytes/, 'error'],
  ];
  test.each(failures)('that answers %s does not allow', async (what, handle, message, result) => {
    webhook.handle = handle;
    const timeoutMs = what === 'nothing' ? 200 : 20_000;
    for (const failurePolicy of ['NoOpinion', 'Deny']) {
      const decision = await (await authorizer({ failurePolicy, timeoutMs })).authorize(ATTRIBUTES);
      assert.equal(decision.decision, failurePolicy);
      assert.match(decision.error!, message);
    }
    assert.equal(value('webhook_evaluations_fail_open_total', { name: 'hook', result }), 1);
  });

  it('is asked once until its answer is old', async () => {
    for (const [status, millis] of [
      [{ allowed: true }, 300_000],
      [{ allowed: false }, 30_000],
      [{ denied: true }, 30_000],
    ] as const) {
      webhook.received.length = 0;
      webhook.handle = () => answer(status);
      const asked = await authorizer();
      await asked.authorize(ATTRIBUTES);
      now += millis - 1;
      assert.ok(!(asked.authorize({ ...ATTRIBUTES }) instanceof Promise));
      assert.equal(webhook.received.length, 1);
      now += 1;
      await asked.authorize(ATTRIBUTES);
      await asked.authorize({ ...ATTRIBUTES, namespace: 'other' });
      assert.equal(webhook.received.length, 3);
    }
  });

  it('is asked each time for what is not to be remembered, and for what is too long', async () => {
    webhook.handle = () => answer({ allowed: true });
    const asked = await authorizer({ cacheAuthorizedRequests: false });
    await asked.authorize(ATTRIBUTES);
    await asked.authorize(ATTRIBUTES);
    const other = await authorizer();
    const long = { ...ATTRIBUTES, name: 'x'.repeat(10_000) };
    await other.authorize(long);
    await other.authorize(long);
    assert.equal(webhook.received.length, 4);
  });

  const conditions: [condition: string, isAsked: boolean | RegExp][] = [
    ["has(request.resourceAttributes) && request.resourceAttributes.namespace == 'web'", true],
    ["request.resourceAttributes.namespace == 'other'", false],
    ["!('system:serviceaccounts' in request.groups)", true],
    ["request.extra['acme.io/x'] == ['y'] && request.uid == '7' && request.user == 'jane'", true],
    ["has(request.nonResourceAttributes) && request.nonResourceAttributes.path == '/x'", false],
    ["request.resourceAttributes.name == '' && request.resourceAttributes.subresource == ''", true],
    ["request.resourceAttributes.labelSelector.requirements.exists(r, r.key == 'app')", /no such key: labelSelector/],
    ['request.resourceAttributes.?labelSelector.?requirements.orValue([]).size() == 0', true],
  ];
  test.each(conditions)('is asked where %s', async (condition, isAsked) => {
    webhook.handle = () => answer({ allowed: true });
    const asked = await authorizer({ matchConditions: [condition], failurePolicy: 'Deny' });
    const decision = await asked.authorize(ATTRIBUTES);
    assert.equal(webhook.received.length, isAsked === true ? 1 : 0);
    if (isAsked instanceof RegExp) {
      assert.equal(decision.decision, 'Deny');
      assert.match(decision.error!, /^cel evaluation error: expression '.*' resulted in error: /);
      assert.match(decision.error!, isAsked);
      assert.equal(value('match_condition_evaluation_errors_total', { type: 'Webhook', name: 'hook' }), 1);
    } else {
      assert.equal(decision.decision, isAsked ? 'Allow' : 'NoOpinion');
      assert.equal(value('match_condition_exclusions_total', { name: 'hook' }), isAsked ? 0 : 1);
    }
    assert.equal(value('match_condition_evaluation_seconds_count', { name: 'hook' }), 1);
  });

  it('is not asked where one condition is false, whatever is wrong with others', async () => {
    const asked = await authorizer({
      matchConditions: ["request.extra['nothing'] == []", "request.user == 'joe'"],
      failurePolicy: 'Deny',
    });
    assert.deepEqual(await asked.authorize(ATTRIBUTES), { decision: 'NoOpinion', reason: '' });
  });

  it('counts its calls', async () => {
    webhook.handle = () => answer({ allowed: true });
    await (await authorizer()).authorize(ATTRIBUTES);
    assert.equal(value('webhook_evaluations_total', { name: 'hook', result: 'success' }), 1);
    assert.equal(value('webhook_duration_seconds_count', { name: 'hook', result: 'success' }), 1);
  });
});
