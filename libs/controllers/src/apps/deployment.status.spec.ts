import assert from 'node:assert/strict';
import type { Deployment } from '#kinds';
import { buildDeployment, buildReplicaSet } from '#testing';
import { buildNewSet, newSetAnnotations, nextRevision, REVISION, splitRevisions } from './deployment.revisions.js';
import { countStatus, findCondition, pauseCondition, rolloutStatus } from './deployment.status.js';

const NOW = Date.UTC(2030, 0, 1);
const STAMP = '2030-01-01T00:00:00Z';
const HISTORY = 'deployment.kubernetes.io/revision-history';

const progressing = (reason: string, lastUpdateTime = STAMP, status = 'True') => ({
  type: 'Progressing',
  status,
  reason,
  message: '',
  lastUpdateTime,
  lastTransitionTime: lastUpdateTime,
});

function statusOf(deployment: Deployment, newSet: Parameters<typeof buildReplicaSet>[0], now = NOW) {
  return rolloutStatus(deployment, buildReplicaSet({ name: 'web-1', ...newSet }), [], now, STAMP);
}

describe('rolloutStatus', () => {
  it('counts pods and says what is available', () => {
    const deployment = buildDeployment({ replicas: 4, maxUnavailable: 1 });
    const sets = [buildReplicaSet({ name: 'old', replicas: 1 })];
    const status = countStatus(deployment, buildReplicaSet({ replicas: 3, available: 2 }), sets, STAMP);
    assert.deepEqual(
      [status.replicas, status.updatedReplicas, status.readyReplicas, status.availableReplicas],
      [4, 3, 3, 3],
    );
    assert.equal(status.unavailableReplicas, 1);
    assert.equal(findCondition(status, 'Available')?.reason, 'MinimumReplicasAvailable');
  });

  it('reports progress when more pods are up, and renews its time', () => {
    const deployment = buildDeployment({
      replicas: 2,
      status: {
        updatedReplicas: 1,
        replicas: 1,
        conditions: [progressing('ReplicaSetUpdated', '2029-12-31T23:59:00Z')],
      },
    });
    const condition = findCondition(statusOf(deployment, { replicas: 2, available: 1 }).status, 'Progressing');
    assert.equal(condition?.reason, 'ReplicaSetUpdated');
    assert.equal(condition?.lastUpdateTime, STAMP);
    assert.equal(condition?.lastTransitionTime, '2029-12-31T23:59:00Z');
  });

  it('is complete when all pods are new and available', () => {
    const deployment = buildDeployment({ replicas: 2, status: { conditions: [progressing('ReplicaSetUpdated')] } });
    const condition = findCondition(statusOf(deployment, { replicas: 2 }).status, 'Progressing');
    assert.equal(condition?.reason, 'NewReplicaSetAvailable');
    assert.equal(condition?.message, 'ReplicaSet "web-1" has successfully progressed.');
  });

  it('exceeds the deadline when nothing moves for too long', () => {
    const deployment = buildDeployment({ replicas: 2, status: { conditions: [progressing('ReplicaSetUpdated')] } });
    const input = { replicas: 0 };
    const before = statusOf(deployment, input, NOW + 600_000).status;
    assert.equal(findCondition(before, 'Progressing')?.reason, 'ReplicaSetUpdated');
    const after = findCondition(statusOf(deployment, input, NOW + 601_000).status, 'Progressing');
    assert.equal(after?.reason, 'ProgressDeadlineExceeded');
    assert.equal(after?.status, 'False');
  });

  it('asks for a later look while the deadline runs', () => {
    const deployment = buildDeployment({ replicas: 2, status: { conditions: [progressing('ReplicaSetUpdated')] } });
    const { status } = statusOf(deployment, { replicas: 1, available: 0 });
    const settled = statusOf({ ...deployment, status }, { replicas: 1, available: 0 }, NOW + 60_000);
    assert.equal(settled.checkAfter, 541_000);
  });

  it('carries over the failure of a ReplicaSet', () => {
    const failure = {
      type: 'ReplicaFailure',
      status: 'True',
      reason: 'FailedCreate',
      lastTransitionTime: STAMP,
    } as any;
    const { status } = statusOf(buildDeployment(), { status: { conditions: [failure] } });
    assert.equal(findCondition(status, 'ReplicaFailure')?.reason, 'FailedCreate');
  });
});

describe('pauseCondition', () => {
  const paused = (conditions: ReturnType<typeof progressing>[], isPaused: boolean) =>
    pauseCondition(buildDeployment({ spec: { paused: isPaused }, status: { conditions } }), STAMP)?.reason;

  it('is said once for pausing and once for resuming', () => {
    assert.equal(paused([progressing('ReplicaSetUpdated')], true), 'DeploymentPaused');
    assert.equal(paused([progressing('DeploymentPaused')], true), undefined);
    assert.equal(paused([progressing('DeploymentPaused')], false), 'DeploymentResumed');
    assert.equal(paused([progressing('ProgressDeadlineExceeded')], true), undefined);
  });
});

describe('revisions', () => {
  it('finds the set with the template of the Deployment, whatever its hash label', () => {
    const deployment = buildDeployment({ image: 'v2' });
    const current = buildNewSet(deployment, 2n, 0);
    const old = buildReplicaSet({ name: 'old', image: 'v1', labels: { 'pod-template-hash': 'abc' } });
    const { newSet, oldSets } = splitRevisions(deployment, [old, current]);
    assert.equal(newSet, current);
    assert.deepEqual(oldSets, [old]);
  });

  it('names a set after its template, and otherwise after a collision', () => {
    const name = (deployment: Deployment) => buildNewSet(deployment, 1n, 0).metadata.name!;
    assert.equal(name(buildDeployment()), name(buildDeployment()));
    assert.notEqual(name(buildDeployment()), name(buildDeployment({ image: 'other' })));
    assert.notEqual(name(buildDeployment()), name(buildDeployment({ status: { collisionCount: 1 } })));
    assert.match(name(buildDeployment()), /^web-[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
  });

  it('keeps former revisions of a set that is rolled back to', () => {
    const set = buildReplicaSet({ annotations: { [REVISION]: '1' } });
    const second = newSetAnnotations(buildDeployment(), set, 3n);
    assert.equal(second[REVISION], '3');
    assert.equal(second[HISTORY], '1');
    const third = newSetAnnotations(buildDeployment(), buildReplicaSet({ annotations: second }), 5n);
    assert.equal(third[HISTORY], '1,3');
  });

  it('counts on from an adopted set, beyond what a double holds', () => {
    const adopted = buildReplicaSet({ annotations: { [REVISION]: '3546343826724305832' } });
    const next = nextRevision([adopted, buildReplicaSet()]);
    assert.equal(newSetAnnotations(buildDeployment(), buildReplicaSet(), next)[REVISION], '3546343826724305833');
  });

  it('hands down annotations, but not those of kubectl apply', () => {
    const deployment = buildDeployment({
      annotations: { 'kubernetes.io/change-cause': 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    });
    const annotations = newSetAnnotations(deployment, buildReplicaSet(), 1n);
    assert.deepEqual(annotations, { 'kubernetes.io/change-cause': 'x', [REVISION]: '1' });
  });
});
