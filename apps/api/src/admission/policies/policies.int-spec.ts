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

  it('counts what became of failures, and errors that it let pass', async () => {
    const counted = async () => {
      const text = (await call(api, '/metrics')).body.toString();
      const lines = text.matchAll(
        /^apiserver_validating_admission_policy_check_total\{policy="rule",policy_binding="here",(.*)\} (\d+)$/gm,
      );
      return new Map([...lines].map(([, labels, value]) => [labels!, Number(value)]));
    };
    const before = await counted();
    const more = async () =>
      [...(await counted())].flatMap(([labels, value]) => {
        const added = value - (before.get(labels) ?? 0);
        return added === 0 ? [] : [`${labels} ${added}`];
      });
    const validations = [{ expression: 'has(object.data.a)' }, { expression: "object.data.missing == ''" }];
    await enforce({ failurePolicy: 'Ignore', validations }, { validationActions: ['Deny', 'Audit'] });
    await configMap('x', { a: '' });
    assert.deepEqual(await more(), ['error_type="invalid_error",enforcement_action="allow" 1']);
    await configMap('x', { b: '' });
    assert.deepEqual((await more()).sort(), [
      'error_type="invalid_error",enforcement_action="allow" 2',
      'error_type="invalid_error",enforcement_action="audit" 1',
      'error_type="invalid_error",enforcement_action="deny" 1',
    ]);
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

describe('mutating admission policies', () => {
  const group = '/apis/admissionregistration.k8s.io/v1';
  let api: TestServer;

  beforeAll(async () => {
    api = await testServer();
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await post('/api/v1/namespaces/default/serviceaccounts', account);
  });
  afterAll(async () => {
    await api.close();
  });
  afterEach(async () => {
    for (const plural of ['policies', 'policybindings']) {
      await call(api, `${group}/mutatingadmission${plural}`, { method: 'DELETE' });
    }
    await call(api, CONFIG_MAPS, { method: 'DELETE' });
  });

  const post = (path: string, body: object) => request(api, path, { method: 'POST', body });
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps', 'pods'] };

  async function enforce(name: string, mutations: object[], spec: object = {}): Promise<void> {
    const matchConstraints = { resourceRules: [rule] };
    const policy = { metadata: { name }, spec: { matchConstraints, reinvocationPolicy: 'Never', mutations, ...spec } };
    const answer = await post(`${group}/mutatingadmissionpolicies`, policy);
    assert.equal(answer.code, 201, answer.body.toString());
    assert.equal(answer.headers['warning'], undefined);
    const binding = { metadata: { name }, spec: { policyName: name } };
    assert.equal((await post(`${group}/mutatingadmissionpolicybindings`, binding)).code, 201);
  }

  const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
  const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });
  const create = (name: string, data: object = {}) =>
    post(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

  it('merges a configuration into the object', async () => {
    await enforce('label', [apply("Object{metadata: Object.metadata{labels: {'team': request.namespace}}}")]);
    const answer = await create('x', { a: '1' });
    assert.equal(answer.code, 201, answer.body.toString());
    assert.deepEqual(answer.json.metadata.labels, { team: 'default' });
    assert.deepEqual(answer.json.data, { a: '1' });
  });

  it('merges lists by their keys, and gives defaults to what is new', async () => {
    const container = "Object.spec.containers{name: 'side', image: 'side:1'}";
    await enforce('side', [apply(`Object{spec: Object.spec{containers: [${container}]}}`)]);
    const spec = { containers: [{ name: 'main', image: 'main:1' }] };
    const answer = await post('/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec,
    });
    assert.equal(answer.code, 201, answer.body.toString());
    const containers = answer.json.spec.containers.map(({ name, terminationMessagePath }: any) => [
      name,
      terminationMessagePath,
    ]);
    assert.deepEqual(containers.sort(), [
      ['main', '/dev/termination-log'],
      ['side', '/dev/termination-log'],
    ]);
  });

  it('applies a JSON patch, and leaves the object where a test fails', async () => {
    const key = "jsonpatch.escapeKey('example.com/a')";
    await enforce('annotate', [
      patch(
        `[JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}, JSONPatch{op: 'add', path: '/metadata/annotations/' + ${key}, value: 'yes'}]`,
      ),
      patch("[JSONPatch{op: 'test', path: '/data/a', value: 'other'}, JSONPatch{op: 'remove', path: '/data/a'}]"),
    ]);
    const answer = await create('x', { a: '1' });
    assert.equal(answer.code, 201, answer.body.toString());
    assert.deepEqual(answer.json.metadata.annotations, { 'example.com/a': 'yes' });
    assert.deepEqual(answer.json.data, { a: '1' });
  });

  it('shows each policy what those before it changed', async () => {
    await enforce('a', [patch("[JSONPatch{op: 'add', path: '/data/first', value: '1'}]")]);
    await enforce('b', [patch("[JSONPatch{op: 'add', path: '/data/second', value: object.data.first + '2'}]")]);
    assert.deepEqual((await create('x', { a: '' })).json.data, { a: '', first: '1', second: '12' });
  });

  it('refuses what a policy cannot do', async () => {
    await enforce('wrong', [patch("[JSONPatch{op: 'remove', path: '/data/absent'}]")]);
    const answer = await create('x', { a: '' });
    assert.equal(answer.code, 403);
    assert.match(answer.json.message, /^policy 'wrong' with binding 'wrong' denied request: JSON Patch: /);
    assert.equal(answer.json.reason, 'Invalid');
  });

  it('refuses objects with the names of other places', async () => {
    await enforce('wrong', [apply("Object{metadata: Object.spec{labels: {'a': 'b'}}}")]);
    const answer = await create('x');
    assert.equal(answer.code, 403);
    assert.match(answer.json.message, /unexpected type name "Object.spec", expected "Object.metadata"/);
  });

  it('refuses to set a part of what is set as a whole', async () => {
    await enforce('wrong', [
      apply("Object{spec: Object.spec{containers: [Object.spec.containers{name: 'main', command: ['x']}]}}"),
    ]);
    const spec = { containers: [{ name: 'main', image: 'main:1' }] };
    const answer = await post('/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec,
    });
    assert.match(
      answer.json.message,
      /may not mutate atomic arrays, maps or structs: \.spec\.containers\[0\]\.command/,
    );
  });
});
