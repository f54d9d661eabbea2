import assert from 'node:assert/strict';
import { buildDeployment, buildReplicaSet } from '#testing';
import { REVISION } from './deployment.revisions.js';
import { planRollback, ROLLBACK_TO, rollbackRevision } from './deployment.rollback.js';

const CAUSE = 'kubernetes.io/change-cause';

function setOf(revision: string | undefined, image: string, annotations: Record<string, string> = {}) {
  const own = revision === undefined ? annotations : { ...annotations, [REVISION]: revision };
  const set = buildReplicaSet({ name: `web-${revision}`, image, annotations: own });
  set.spec.template!.metadata!.labels!['pod-template-hash'] = 'abc';
  return set;
}

const deployment = (revision: string) =>
  buildDeployment({ image: 'v3', annotations: { [ROLLBACK_TO]: revision, [CAUSE]: 'third', [REVISION]: '3' } });

test.each([
  ['2', 2n],
  ['0', 0n],
  ['', undefined],
  ['last', undefined],
  ['9223372036854775808', undefined],
])('the annotation %j asks for revision %s', (text, expected) => {
  assert.equal(rollbackRevision(deployment(text)), expected);
});

describe('a rollback', () => {
  const sets = [setOf('1', 'v1', { [CAUSE]: 'first' }), setOf('2', 'v2', { [CAUSE]: 'second' }), setOf('3', 'v3')];

  test.each([
    [1n, 'v1', 'first', 'Rolled back deployment "web" to revision 1'],
    [0n, 'v2', 'second', 'Rolled back deployment "web" to revision 2'],
  ])('to revision %s takes its template and its annotations', (wanted, image, cause, message) => {
    const { deployment: result, event } = planRollback(deployment(String(wanted)), wanted, sets);
    assert.deepEqual(event, { type: 'Normal', reason: 'DeploymentRollback', message });
    assert.deepEqual(result.spec.template.spec!.containers[0]!.image, image);
    assert.deepEqual(result.spec.template.metadata!.labels, { app: 'web' });
    assert.deepEqual(result.metadata.annotations, { [CAUSE]: cause, [REVISION]: '3' });
  });

  test.each([
    ['an unknown revision', 7n, sets, 'RevisionNotFound', 'Unable to find the revision to rollback to.'],
    ['the last one, when there is no other', 0n, sets.slice(2), 'RevisionNotFound', 'Unable to find last revision.'],
    [
      'the same template',
      ...([3n, sets, 'TemplateUnchanged'] as const),
      'The rollback revision contains the same template as current deployment "web"',
    ],
    [
      'text for a number',
      4n,
      [...sets, setOf('four', 'v4')],
      'RevisionNotFound',
      'Unable to find the revision to rollback to.',
    ],
  ])('to %s changes nothing, and the wish goes', (_, wanted, among, reason, message) => {
    const before = deployment(String(wanted));
    const { deployment: result, event } = planRollback(before, wanted, among);
    assert.deepEqual(event, { type: 'Warning', reason: `DeploymentRollback${reason}`, message });
    assert.deepEqual(result.spec, before.spec);
    assert.deepEqual(result.metadata.annotations, { [CAUSE]: 'third', [REVISION]: '3' });
  });
});
