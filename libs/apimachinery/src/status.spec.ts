import assert from 'node:assert/strict';
import * as field from './field-errors.js';
import * as status from './status.js';

const pods = { group: '', resource: 'pods' };
const deployments = { group: 'apps', resource: 'deployments' };

test('a Status has the fields of the reference in its order', () => {
  assert.equal(
    JSON.stringify(status.notFound(deployments, 'web').status),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"deployments.apps \\"web\\" not found",' +
      '"reason":"NotFound","details":{"name":"web","group":"apps","kind":"deployments"},"code":404}',
  );
});

test('messages, reasons and codes', () => {
  const cases: [status.StatusError, number, string, string][] = [
    [status.alreadyExists(pods, 'a'), 409, 'AlreadyExists', 'pods "a" already exists'],
    [status.conflict(pods, 'a', 'why'), 409, 'Conflict', 'Operation cannot be fulfilled on pods "a": why'],
    [status.forbidden(deployments, 'a', 'w'), 403, 'Forbidden', 'deployments.apps "a" is forbidden: w'],
    [status.forbidden(pods, '', 'w'), 403, 'Forbidden', 'pods is forbidden: w'],
    [status.forbidden({ group: '', resource: '' }, '', 'w'), 403, 'Forbidden', 'forbidden: w'],
    [
      status.methodNotAllowed(),
      405,
      'MethodNotAllowed',
      'the server does not allow this method on the requested resource',
    ],
    [status.unauthorized(), 401, 'Unauthorized', 'Unauthorized'],
    [status.internalError(new Error('x')), 500, 'InternalError', 'Internal error occurred: x'],
    [status.timeout('x'), 504, 'Timeout', 'Timeout: x'],
    [status.unprocessable(), 422, 'Invalid', 'the server rejected our request due to an error in our request'],
    [status.genericNotFound(), 404, 'NotFound', 'the server could not find the requested resource'],
    [status.requestEntityTooLarge('x'), 413, 'RequestEntityTooLarge', 'Request entity too large: x'],
    [status.unclassified('x'), 500, '', 'x'],
  ];
  for (const [error, code, reason, message] of cases) {
    assert.deepEqual([error.code, error.reason, error.message], [code, reason, message]);
    assert.equal(error.status.message, message);
  }
});

test('an invalid object names each cause, and each message once', () => {
  const errors = [field.required('spec.a'), field.required('spec.a'), field.invalid('spec.b', 1, 'no')];
  const error = status.invalid({ group: 'apps', kind: 'Deployment' }, 'web', errors);
  assert.equal(
    error.message,
    'Deployment.apps "web" is invalid: [spec.a: Required value, spec.b: Invalid value: 1: no]',
  );
  assert.equal(error.status.details?.causes?.length, 3);
  const single = status.invalid({ group: '', kind: 'Pod' }, '', [field.required('spec.a')]);
  assert.equal(single.message, 'Pod "" is invalid: spec.a: Required value');
  assert.deepEqual(single.status.details, {
    kind: 'Pod',
    causes: [{ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.a' }],
  });
});

test('predicates go by the reason, and by the code when there is none', () => {
  assert.ok(status.isNotFound(status.notFound(pods, 'a')));
  assert.ok(!status.isConflict(status.alreadyExists(pods, 'a')));
  assert.ok(status.isExpired(status.gone('x')) && status.isExpired(status.expired('x')));
  assert.ok(status.isNotFound(status.statusErrorFrom('nope', 404)));
  assert.ok(!status.isNotFound(new Error('x')));
  assert.ok(status.hasCause(status.tooManyRequests('x', 1, [{ reason: 'DisruptionBudget' }]), 'DisruptionBudget'));
});

test('what a server sent comes back as it was', () => {
  const sent = status.conflict(pods, 'a').status;
  assert.deepEqual(status.statusErrorFrom(JSON.parse(JSON.stringify(sent)), 409).status, sent);
});
