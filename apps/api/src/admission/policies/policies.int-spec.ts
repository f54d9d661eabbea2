import assert from 'node:assert/strict';
import { type Answer, call, request, type TestServer, testServer } from '#testing';

const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
const BINDINGS = `${POLICIES.slice(0, -'policies'.length)}policybindings`;
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

describe('validating admission policies', () => {
  let api: TestServer;

  beforeAll(async () => {
    api = await testServer();
  });
  afterAll(async () => {
    await api.close();
  });
  afterEach(async () => {
    for (const path of [POLICIES, BINDINGS, CONFIG_MAPS]) await call(api, path, { method: 'DELETE' });
  });

  const post = (path: string, body: object) => request(api, path, { method: 'POST', body });
  const configMap = (name: string, data: Record<string, string> = {}, metadata: object = {}) =>
    post(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data });
  const onConfigMaps = {
    resourceRules: [
      { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] },
    ],
  };

  /** A policy with one binding; both are in force from the next request on. */
  async function enforce(spec: object, binding: object = {}): Promise<void> {
    const policy = await post(POLICIES, {
      metadata: { name: 'rule' },
      spec: { matchConstraints: onConfigMaps, ...spec },
    });
    assert.equal(policy.code, 201, policy.body.toString());
    assert.equal(policy.headers['warning'], undefined);
    const bound = { policyName: 'rule', validationActions: ['Deny'], ...binding };
    const answer = await post(BINDINGS, { metadata: { name: 'here' }, spec: bound });
    assert.equal(answer.code, 201, answer.body.toString());
  }

  function denied(answer: Answer, why: string, code = 422, reason = 'Invalid'): void {
    assert.equal(answer.code, code, answer.body.toString());
    const by = "ValidatingAdmissionPolicy 'rule' with binding 'here' denied request: ";
    assert.equal(answer.json.message, `configmaps "x" is forbidden: ${by}${why}`);
    assert.equal(answer.json.reason, reason);
    assert.deepEqual(answer.json.details.causes, [{ message: `${by}${why}` }]);
  }

  it('refuses what a validation does not hold for, in its words', async () => {
    await enforce({
      validations: [
        { expression: 'has(object.data.owner)' },
        { expression: 'size(object.data) < 3', message: 'too much' },
      ],
    });
    assert.equal((await configMap('x', { owner: 'me' })).code, 201);
    denied(await configMap('x', { a: '' }), 'failed expression: has(object.data.owner)');
    denied(await configMap('x', { owner: 'me', a: '1', b: '2' }), 'too much');
  });

  it('gives the reason, and the text of the message expression', async () => {
    const messageExpression = "'no ' + object.metadata.name + ' in ' + namespaceObject.metadata.name";
    await enforce({
      validations: [{ expression: 'false', messageExpression, message: 'unused', reason: 'Forbidden' }],
    });
    denied(await configMap('x'), 'no x in default', 403, 'Forbidden');
  });

  it('computes variables, and sees who asks', async () => {
    await enforce({
      variables: [
        { name: 'keys', expression: 'object.data.map(k, k)' },
        { name: 'long', expression: 'variables.keys.filter(k, k.size() > 3)' },
      ],
      validations: [{ expression: "variables.long.size() == 0 && request.userInfo.username == 'kubernetes-admin'" }],
    });
    assert.equal((await configMap('y', { abc: '' })).code, 201);
    assert.equal((await configMap('x', { abcd: '' })).code, 422);
  });

  it('reads parameters by name and by selector', async () => {
    assert.equal((await configMap('limits', { most: '1' }, { labels: { role: 'limits' } })).code, 201);
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    const validations = [{ expression: 'size(object.data) <= int(params.data.most)' }];
    for (const ref of [{ name: 'limits' }, { selector: { matchLabels: { role: 'limits' } } }]) {
      await enforce({ paramKind, validations }, { paramRef: { ...ref, parameterNotFoundAction: 'Deny' } });
      assert.equal((await configMap('y', { a: '' })).code, 201);
      denied(await configMap('x', { a: '', b: '' }), `failed expression: ${validations[0]!.expression}`);
      for (const path of [POLICIES, BINDINGS, `${CONFIG_MAPS}/y`]) await call(api, path, { method: 'DELETE' });
    }
  });

  it('refuses without the parameters that a binding must have', async () => {
    const paramRef = { name: 'absent', parameterNotFoundAction: 'Deny' };
    await enforce(
      { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: 'true' }] },
      { paramRef },
    );
    const why = 'no params found for policy binding with `Deny` parameterNotFoundAction';
    denied(await configMap('x'), `failed to configure binding: ${why}`);
  });

  it('looks at match conditions, selectors and names first', async () => {
    const conditions = [
      { name: 'marked', expression: "has(object.metadata.labels) && 'marked' in object.metadata.labels" },
    ];
    await enforce({ matchConditions: conditions, validations: [{ expression: 'false' }] });
    assert.equal((await configMap('plain')).code, 201);
    assert.equal((await configMap('x', {}, { labels: { marked: '' } })).code, 422);
  });

  it('follows the failure policy where an expression has no value', async () => {
    const validations = [{ expression: "object.data.missing == 'x'" }];
    await enforce({ failurePolicy: 'Fail', validations });
    const expression = validations[0]!.expression;
    denied(await configMap('x', { a: '' }), `expression '${expression}' resulted in error: no such key: missing`);
    for (const path of [POLICIES, BINDINGS]) await call(api, path, { method: 'DELETE' });
    await enforce({ failurePolicy: 'Ignore', validations });
    assert.equal((await configMap('x', { a: '' })).code, 201);
  });

  it('warns, and lets pass', async () => {
    await enforce(
      { validations: [{ expression: 'false', message: 'think again' }] },
      { validationActions: ['Warn', 'Audit'] },
    );
    const answer = await configMap('x');
    assert.equal(answer.code, 201);
    const warning = "Validation failed for ValidatingAdmissionPolicy 'rule' with binding 'here': think again";
    assert.match(String(answer.headers['warning']), new RegExp(warning));
  });

  it('asks the authorizer', async () => {
    const check = (verb: string) =>
      `authorizer.group('').resource('secrets').namespace('default').check('${verb}').allowed()`;
    await enforce({ validations: [{ expression: check('get') }] });
    assert.equal((await configMap('y')).code, 201);
  });

  it('stops with the policy, and does nothing without a binding', async () => {
    await enforce({ validations: [{ expression: 'false' }] });
    assert.equal((await configMap('x')).code, 422);
    await call(api, `${BINDINGS}/here`, { method: 'DELETE' });
    assert.equal((await configMap('x')).code, 201);
  });

  it('stops an evaluation that costs too much', async () => {
    const nested = 'lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, a + b + c >= 0)))';
    await enforce({ validations: [{ expression: nested }] });
    const answer = await configMap('x');
    assert.equal(answer.code, 422);
    assert.match(answer.json.message, /operation cancelled: actual cost limit exceeded/);
  });
});
