import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAuthorizationConfiguration } from './authorization-configuration.js';
import { checkAuthorizationConfiguration } from './authorization-configuration.validation.js';

describe('an authorization configuration', () => {
  let folder: string;
  let kubeconfig: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-authorization-'));
    kubeconfig = join(folder, 'config');
    await writeFile(kubeconfig, '{}');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const read = (authorizers: unknown, more: object = {}) =>
    readAuthorizationConfiguration(
      'file',
      JSON.stringify({
        apiVersion: 'apiserver.config.k8s.io/v1',
        kind: 'AuthorizationConfiguration',
        authorizers,
        ...more,
      }),
    );
  const problems = async (authorizers: unknown, required?: string[]) =>
    checkAuthorizationConfiguration(await read(authorizers), required);
  const hook = (more: object = {}) => ({
    timeout: '3s',
    subjectAccessReviewVersion: 'v1',
    matchConditionSubjectAccessReviewVersion: 'v1',
    failurePolicy: 'Deny',
    connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: kubeconfig },
    ...more,
  });
  const webhook = (more: object = {}, name = 'hook') => ({ type: 'Webhook', name, webhook: hook(more) });
  const node = { type: 'Node', name: 'node' };
  const rbac = { type: 'RBAC', name: 'rbac' };

  it('may have several webhooks between others', async () => {
    assert.deepEqual(await problems([webhook({}, 'a'), node, rbac, webhook({}, 'b')]), []);
  });

  it('has defaults', async () => {
    const { authorizers } = await read([webhook()]);
    const { authorizedTtlMs, unauthorizedTtlMs, cacheAuthorizedRequests, timeoutMs } = authorizers[0]!.webhook!;
    assert.deepEqual(
      [authorizedTtlMs, unauthorizedTtlMs, cacheAuthorizedRequests, timeoutMs],
      [300_000, 30_000, true, 3000],
    );
  });

  const supported = 'supported values: "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"';
  const rows: [what: string, authorizers: () => unknown[], expected: string[]][] = [
    ['is empty', () => [], ['authorizers: Required value: at least one authorization mode must be defined']],
    ['has no type', () => [{ name: 'x' }], ['authorizers[0].type: Required value']],
    [
      'has an unknown type',
      () => [{ type: 'X', name: 'x' }],
      [`authorizers[0].type: Unsupported value: "X": ${supported}`],
    ],
    [
      'has rules in a file',
      () => [{ type: 'ABAC', name: 'abac' }],
      ['authorizers[0].type: Invalid value: "ABAC": ABAC is not supported by this server: use RBAC or Webhook'],
    ],
    ['has a type twice', () => [rbac, rbac], ['authorizers[1].type: Duplicate value: "RBAC"']],
    ['has no name', () => [{ type: 'RBAC' }], ['authorizers[0].name: Required value']],
    ['has a name twice', () => [webhook(), webhook()], ['authorizers[1].name: Duplicate value: "hook"']],
    [
      'has a name of its own',
      () => [{ type: 'RBAC', name: 'x' }],
      ['expected name rbac for authorizer RBAC instead of x'],
    ],
    [
      'has a webhook where there is none',
      () => [{ ...rbac, webhook: hook() }],
      ['authorizers[0].webhook: Invalid value: "non-null": may only be specified when type=Webhook'],
    ],
    [
      'has no webhook',
      () => [{ type: 'Webhook', name: 'x' }],
      ['authorizers[0].webhook: Required value: required when type=Webhook'],
    ],
    [
      'has an empty webhook',
      () => [{ type: 'Webhook', name: 'x', webhook: {} }],
      ['timeout', 'subjectAccessReviewVersion', 'failurePolicy', 'connectionInfo.type'].map(
        (name) => `authorizers[0].${name}: Required value`,
      ),
    ],
    [
      'has times that are none',
      () => [webhook({ timeout: '31s', authorizedTTL: '-1s', unauthorizedTTL: '-1ms' })],
      [
        'authorizers[0].timeout: Invalid value: "31s": must be > 0s and <= 30s',
        'authorizers[0].authorizedTTL: Invalid value: "-1s": must be > 0s',
        'authorizers[0].unauthorizedTTL: Invalid value: "-1ms": must be > 0s',
      ],
    ],
    [
      'has choices that are none',
      () => [
        webhook({
          subjectAccessReviewVersion: 'v2',
          matchConditionSubjectAccessReviewVersion: 'v1beta1',
          failurePolicy: 'Allow',
          connectionInfo: { type: 'x' },
        }),
      ],
      [
        'authorizers[0].subjectAccessReviewVersion: Unsupported value: "v2": supported values: "v1", "v1beta1"',
        'authorizers[0].matchConditionSubjectAccessReviewVersion: Unsupported value: "v1beta1": supported values: "v1"',
        'authorizers[0].failurePolicy: Unsupported value: "Allow": supported values: "NoOpinion", "Deny"',
        'authorizers[0].connectionInfo.type: Unsupported value: "x": supported values: "InClusterConfig", "KubeConfigFile"',
      ],
    ],
    [
      'connects to this server',
      () => [webhook({ connectionInfo: { type: 'InClusterConfig', kubeConfigFile: '/x' } })],
      [
        'authorizers[0].connectionInfo.type: Invalid value: "InClusterConfig": not allowed for the API server, which would ask itself',
        'authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "/x": can only be set when type=KubeConfigFile',
      ],
    ],
    [
      'has a relative path',
      () => [webhook({ connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: 'x' } })],
      ['authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "x": must be an absolute path'],
    ],
    [
      'has a folder for a file',
      () => [webhook({ connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/' } })],
      ['authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "/": must be a regular file'],
    ],
    [
      'has conditions that are wrong',
      () => [
        webhook({
          matchConditionSubjectAccessReviewVersion: '',
          matchConditions: ['true', 'true', ' ', 'request.user', 'request.nothing'].map((expression) => ({
            expression,
          })),
        }),
      ],
      [
        'authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified',
        'authorizers[0].matchConditions[1].expression: Duplicate value: "true"',
        'authorizers[0].matchConditions[2].expression: Required value',
        'authorizers[0].matchConditions[3].expression: Invalid value: "request.user": must evaluate to bool but got string',
        `authorizers[0].matchConditions[4].expression: Invalid value: "request.nothing": compilation failed: ERROR: <input>:1:8: undefined field 'nothing'\n | request.nothing\n | .......^`,
      ],
    ],
    [
      'has too many conditions',
      () => [webhook({ matchConditions: Array.from({ length: 65 }, (_, i) => ({ expression: `${i} == 1` })) })],
      ['authorizers[0].matchConditions: Too many: 65: must have at most 64 items'],
    ],
  ];
  test.each(rows)('that %s is refused', async (_, authorizers, expected) => {
    assert.deepEqual(await problems(authorizers()), expected);
  });

  it('may not lose what was started with the server', async () => {
    assert.deepEqual(await problems([webhook()], ['RBAC', 'Node']), ['missing required types: [Node RBAC]']);
  });

  it('is read strictly', async () => {
    await assert.rejects(read([{ ...webhook(), weebhook: {} }]), /unknown field "weebhook"/);
    await assert.rejects(read([webhook({ timeout: '3' })]), /timeout: time: missing unit in duration "3"/);
    await assert.rejects(read([], { kind: 'Policy' }), /kind: must be AuthorizationConfiguration/);
  });
});
