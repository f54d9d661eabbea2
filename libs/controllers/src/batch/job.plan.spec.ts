import assert from 'node:assert/strict';
import type { Job, JobSpec, JobStatus, Pod } from '#kinds';
import { buildPod } from '#testing';
import { COMPLETION_INDEX } from './completion-indexes.js';
import { type JobPlan, type JobWorld, planJob, TRACKING_FINALIZER } from './job.plan.js';
import { settleJob, trackJob } from './job-tracking.js';

const NOW = Date.UTC(2030, 0, 1);
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

interface Traits {
  name: string;
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  index?: number;
  deleting?: boolean;
  /** Its end is counted, and its finalizer gone. */
  counted?: boolean;
  exit?: number;
  /** Seconds before now. */
  ended?: number;
  failures?: number;
  ignored?: number;
  condition?: string;
  restarts?: number;
  ready?: boolean;
}

function pod({ name, phase, index, deleting, counted, exit, ended = 3600, failures, ignored, ...more }: Traits): Pod {
  const built = buildPod({
    name,
    phase,
    ...(deleting ? { deleted: at(-3600) } : {}),
    ...(more.restarts ? { restarts: more.restarts } : {}),
    ...(more.ready ? { readySince: at(-60) } : {}),
    annotations: {
      ...(index === undefined ? {} : { [COMPLETION_INDEX]: String(index) }),
      ...(failures === undefined ? {} : { 'batch.kubernetes.io/job-index-failure-count': String(failures) }),
      ...(ignored === undefined ? {} : { 'batch.kubernetes.io/job-index-ignored-failure-count': String(ignored) }),
    },
  });
  if (!counted) built.metadata.finalizers = [TRACKING_FINALIZER];
  if (phase === 'Succeeded' || phase === 'Failed') {
    const exitCode = exit ?? (phase === 'Failed' ? 1 : 0);
    const terminated = { exitCode, finishedAt: at(-ended) };
    built.status!.containerStatuses = [{ name: 'main', restartCount: 0, state: { terminated } } as any];
  }
  if (more.condition) built.status!.conditions!.push({ type: more.condition, status: 'True' } as any);
  return built;
}

function world(
  spec: Partial<JobSpec>,
  pods: readonly Traits[],
  status: JobStatus = {},
  more: Partial<JobWorld> = {},
): JobWorld {
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'job', namespace: 'default', uid: 'job' },
    spec: { parallelism: 2, completions: 5, backoffLimit: 6, template: { spec: { containers: [] } }, ...spec },
    status: { startTime: at(-60), ...status },
  } as Job;
  return { job, pods: pods.map(pod), now: NOW, settled: true, released: new Set(), backoff: { failures: 0 }, ...more };
}

/** A plan in short: what is created, what goes, and what it comes to. */
function short(plan: JobPlan): string[] {
  return [
    ...plan.create.map(({ index, replaces }) => `+${index ?? ''}${replaces ? `(${replaces.metadata.name})` : ''}`),
    ...plan.remove.map(({ metadata }) => `-${metadata.name}`),
    ...(plan.verdict ? [`${plan.verdict.final}: ${plan.verdict.reason}`] : []),
    ...(plan.requeueAfter === undefined ? [] : [`after ${plan.requeueAfter / 1000}`]),
  ];
}

const running = (name: string, index?: number): Traits => ({
  name,
  phase: 'Running',
  ...(index === undefined ? {} : { index }),
});
const good = (name: string, index?: number): Traits => ({ ...running(name, index), phase: 'Succeeded' });
const bad = (name: string, more: Partial<Traits> = {}): Traits => ({ ...running(name), phase: 'Failed', ...more });
const indexed: Partial<JobSpec> = { completionMode: 'Indexed' };
const perIndex: Partial<JobSpec> = { ...indexed, backoffLimitPerIndex: 1, backoffLimit: 2 ** 31 - 1 };
const policy = (action: string, rule: object): Partial<JobSpec> => ({
  podFailurePolicy: { rules: [{ action, ...rule } as any] },
  podReplacementPolicy: 'Failed',
});
const exits = (...values: number[]) => ({ onExitCodes: { operator: 'In', values } });
const disrupted = { onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] };

describe('the plan of a Job', () => {
  const rows: [behaviour: string, JobWorld, expected: string[]][] = [
    ['fills up to its parallelism', world({}, []), ['+', '+']],
    ['adds what is missing', world({}, [running('a')]), ['+']],
    ['is content', world({}, [running('a'), running('b')]), []],
    ['waits while what it did is not seen yet', world({}, [], {}, { settled: false }), []],
    ['never has more pods than successes are missing', world({}, [running('a')], { succeeded: 4 }), []],
    [
      'removes pods beyond its parallelism, unready ones first',
      world({ parallelism: 1 }, [{ ...running('a'), ready: true }, running('b')]),
      ['-b'],
    ],
    [
      'starts no more after the first success of a work queue',
      world({ completions: undefined }, [good('a'), running('b')]),
      [],
    ],
    ['fills a work queue', world({ completions: undefined, parallelism: 3 }, [running('a')]), ['+', '+']],
    ['removes all when suspended', world({ suspend: true }, [running('a'), running('b')]), ['-a', '-b']],
    ['waits 10 s after the first failure', world({}, [bad('a', { ended: 4 })]), ['after 6']],
    [
      'waits twice as long after the second',
      world({}, [bad('a', { ended: 4 })], {}, { backoff: { failures: 1, last: NOW - 30_000 } }),
      ['after 16'],
    ],
    [
      'waits 10 min at most',
      world({ backoffLimit: 99 }, [bad('a', { ended: 0 })], {}, { backoff: { failures: 20, last: NOW } }),
      ['after 600'],
    ],
    [
      'does not wait for failures before a success',
      world({}, [bad('a', { ended: 4 }), { ...good('b'), ended: 2 }]),
      ['+', '+'],
    ],
    [
      'fails beyond the limit',
      world({ backoffLimit: 0 }, [bad('a'), running('b')]),
      ['-b', 'Failed: BackoffLimitExceeded'],
    ],
    [
      'counts uids that wait towards the limit',
      world({ backoffLimit: 1 }, [bad('a')], { uncountedTerminatedPods: { failed: ['x'] } }),
      ['Failed: BackoffLimitExceeded'],
    ],
    [
      'does not count a pod twice',
      world({ backoffLimit: 1 }, [bad('a')], { uncountedTerminatedPods: { failed: ['uid-a'] } }),
      ['+', '+'],
    ],
    [
      'does not count a pod whose finalizer is gone',
      world({ backoffLimit: 0 }, [bad('a', { counted: true })], { failed: 0 }),
      ['+', '+'],
    ],
    [
      'does not count a pod that was released',
      world({ backoffLimit: 0 }, [bad('a')], {}, { released: new Set(['uid-a']) }),
      ['+', '+'],
    ],
    [
      'counts restarts in place',
      world({ backoffLimit: 3, template: { spec: { restartPolicy: 'OnFailure', containers: [] } } }, [
        { ...running('a'), restarts: 2 },
        { ...running('b'), restarts: 1 },
      ]),
      ['-a', '-b', 'Failed: BackoffLimitExceeded'],
    ],
    [
      'fails after its deadline',
      world({ activeDeadlineSeconds: 60 }, [running('a')]),
      ['-a', 'Failed: DeadlineExceeded'],
    ],
    ['looks again at its deadline', world({ activeDeadlineSeconds: 90 }, [running('a'), running('b')]), ['after 30']],
    ['has no deadline while suspended', world({ activeDeadlineSeconds: 60, suspend: true }, [running('a')]), ['-a']],
    ['replaces a pod that is being deleted', world({ parallelism: 1 }, [{ ...running('a'), deleting: true }]), ['+']],
    [
      'waits for its end when only failed pods are replaced',
      world({ parallelism: 1, podReplacementPolicy: 'Failed' }, [{ ...running('a'), deleting: true }]),
      [],
    ],
    [
      'keeps to a failure that was told',
      world({}, [running('a')], {
        conditions: [{ type: 'FailureTarget', status: 'True', reason: 'PodFailurePolicy' }],
      }),
      ['-a', 'Failed: PodFailurePolicy'],
    ],
    [
      'keeps to a success that was told',
      world({ backoffLimit: 0 }, [running('a'), bad('b')], {
        conditions: [{ type: 'SuccessCriteriaMet', status: 'True', reason: 'SuccessPolicy' }],
      }),
      ['-a', 'Complete: SuccessPolicy'],
    ],

    ['starts the lowest indexes', world(indexed, []), ['+0', '+1']],
    [
      'starts the indexes that are missing',
      world({ ...indexed, parallelism: 5 }, [running('a', 2)], { completedIndexes: '0,3' }),
      ['+1', '+4'],
    ],
    [
      'removes duplicate, wrong and missing indexes',
      world({ ...indexed, parallelism: 9 }, [
        { ...running('a', 1), ready: true },
        running('b', 1),
        running('c', 5),
        running('d'),
      ]),
      ['-b', '-c', '-d'],
    ],
    [
      'forgets successes beyond fewer completions',
      world({ ...indexed, completions: 2 }, [], { completedIndexes: '1-4', succeeded: 4 }),
      ['+0'],
    ],
    [
      'does not reuse the index of a terminating pod when only failed pods are replaced',
      world({ ...indexed, podReplacementPolicy: 'Failed' }, [{ ...running('a', 0), deleting: true }]),
      ['+1'],
    ],

    [
      'replaces the failed pod of an index and tells which',
      world({ ...perIndex, parallelism: 1 }, [bad('a', { index: 0, ended: 10, failures: 0 })]),
      ['+0(a)'],
    ],
    [
      'waits for each index on its own',
      world(perIndex, [bad('a', { index: 0, ended: 4, failures: 0 })]),
      ['+1', 'after 6'],
    ],
    [
      'waits longer after ignored failures too',
      world({ ...perIndex, parallelism: 1 }, [bad('a', { index: 0, ended: 5, failures: 0, ignored: 1 })]),
      ['after 15'],
    ],
    [
      'gives an index up at its limit',
      world({ ...perIndex, parallelism: 1 }, [bad('a', { index: 0, failures: 1 })]),
      ['+1'],
    ],
    [
      'fails beyond the number of failed indexes',
      world({ ...perIndex, maxFailedIndexes: 0 }, [bad('a', { index: 0, failures: 1 }), running('b', 1)]),
      ['-b', 'Failed: MaxFailedIndexesExceeded'],
    ],
    [
      'fails with failed indexes once all have ended',
      world({ ...perIndex, completions: 3 }, [bad('a', { index: 0, failures: 1 })], { completedIndexes: '1,2' }),
      ['Failed: FailedIndexes'],
    ],
    [
      'gives an index up when the policy says so',
      world({ ...perIndex, ...policy('FailIndex', exits(3)), parallelism: 1 }, [
        bad('a', { index: 0, failures: 0, exit: 3 }),
      ]),
      ['+1'],
    ],

    [
      'fails by exit code',
      world(policy('FailJob', exits(3)), [bad('a', { exit: 3 }), running('b')]),
      ['-b', 'Failed: PodFailurePolicy'],
    ],
    ['does not fail by another exit code', world(policy('FailJob', exits(3)), [bad('a', { exit: 4 })]), ['+', '+']],
    [
      'ignores disruptions',
      world({ ...policy('Ignore', disrupted), backoffLimit: 0 }, [bad('a', { condition: 'DisruptionTarget' })]),
      ['+', '+'],
    ],
    [
      'counts what a rule counts',
      world({ ...policy('Count', exits(3)), backoffLimit: 0 }, [bad('a', { exit: 3 })]),
      ['Failed: BackoffLimitExceeded'],
    ],

    [
      'succeeds with the indexes of its success policy',
      world({ ...indexed, successPolicy: { rules: [{ succeededIndexes: '0,4' }] } }, [
        good('a', 0),
        good('b', 4),
        running('c', 1),
      ]),
      ['-c', 'Complete: SuccessPolicy'],
    ],
    [
      'succeeds with some of them',
      world({ ...indexed, successPolicy: { rules: [{ succeededIndexes: '0-4', succeededCount: 2 }] } }, [
        good('a', 0),
        good('b', 4),
      ]),
      ['Complete: SuccessPolicy'],
    ],
    [
      'does not succeed with others',
      world(
        { ...indexed, parallelism: 1, successPolicy: { rules: [{ succeededIndexes: '0-2', succeededCount: 2 }] } },
        [good('a', 0), good('b', 4)],
      ),
      ['+1'],
    ],
    [
      'prefers failing to succeeding',
      world({ ...perIndex, maxFailedIndexes: 0, successPolicy: { rules: [{ succeededCount: 1 }] } }, [
        good('a', 0),
        bad('b', { index: 1, failures: 1 }),
      ]),
      ['Failed: MaxFailedIndexesExceeded'],
    ],
  ];
  for (const [behaviour, given, expected] of rows) {
    it(behaviour, () => assert.deepEqual(short(planJob(given)), expected));
  }

  it('says which container or condition fails the Job', () => {
    const message = (given: JobWorld) => planJob(given).verdict?.message;
    assert.equal(
      message(world(policy('FailJob', exits(3)), [bad('a', { exit: 3 })])),
      'Container main for pod default/a failed with exit code 3 matching FailJob rule at index 0',
    );
    assert.equal(
      message(world(policy('FailJob', disrupted), [bad('a', { condition: 'DisruptionTarget' })])),
      'Pod default/a has condition DisruptionTarget matching FailJob rule at index 0',
    );
    assert.equal(
      message(
        world({ ...indexed, successPolicy: { rules: [{ succeededCount: 9 }, { succeededCount: 1 }] } }, [good('a', 0)]),
      ),
      'Matched rules at index 1',
    );
  });
});

/** The first status, the pods released with it, and the status after that. */
function counted(given: JobWorld): { first: JobStatus; release: string[]; last: JobStatus } {
  const plan = planJob(given);
  const outcome = { removed: plan.remove, created: plan.create.length };
  const tracking = trackJob(given, plan, outcome, at(0));
  return {
    first: tracking.status,
    release: tracking.release.map(({ metadata }) => metadata.name!),
    last: settleJob(tracking, () => false, at(0)),
  };
}
const conditions = ({ conditions = [] }: JobStatus) => conditions.map(({ type, reason }) => `${type}:${reason}`);

describe('the counting of a Job', () => {
  it('writes uids first, and numbers when the finalizers are gone', () => {
    const { first, release, last } = counted(world({}, [good('a'), bad('b'), running('c')], { succeeded: 1 }));
    assert.deepEqual(release, ['a', 'b']);
    assert.deepEqual(first.uncountedTerminatedPods, { succeeded: ['uid-a'], failed: ['uid-b'] });
    assert.deepEqual([first.succeeded, first.failed], [1, undefined]);
    assert.deepEqual([last.succeeded, last.failed, last.uncountedTerminatedPods], [2, 1, {}]);
  });

  it('goes on where a former controller stopped', () => {
    const before = { uncountedTerminatedPods: { succeeded: ['uid-a', 'uid-gone'], failed: ['uid-b'] } };
    const { first, release } = counted(world({}, [good('a'), bad('b', { counted: true })], before));
    assert.deepEqual(release, ['a']);
    assert.deepEqual(first.uncountedTerminatedPods, { succeeded: ['uid-a'] });
    assert.deepEqual([first.succeeded, first.failed], [1, 1]);
  });

  it('ends a Job when the last pod is counted', () => {
    const { first, last } = counted(world({ completions: 1 }, [good('a')]));
    assert.deepEqual(conditions(first), ['SuccessCriteriaMet:CompletionsReached']);
    assert.deepEqual(conditions(last), ['SuccessCriteriaMet:CompletionsReached', 'Complete:CompletionsReached']);
    assert.equal(last.completionTime, at(0));
  });

  it('does not end it while pods are terminating', () => {
    const { last } = counted(world({ backoffLimit: 0 }, [bad('a'), running('b')]));
    assert.deepEqual(conditions(last), ['FailureTarget:BackoffLimitExceeded']);
    assert.deepEqual([last.active, last.terminating, last.failed], [undefined, 1, 2]);
  });

  it('keeps a failed pod whose count has not been carried on', () => {
    const failed = bad('a', { index: 0, failures: 0, ended: 1 });
    const waiting = counted(world({ ...perIndex, completions: 1 }, [failed]));
    assert.deepEqual([waiting.release, waiting.first.failedIndexes], [[], '']);
    assert.deepEqual(counted(world({ ...perIndex, completions: 1 }, [failed, running('b', 0)])).release, ['a']);
  });

  it('holds 500 uids at most', () => {
    const pods = Array.from({ length: 600 }, (_, i) => good(`p${i}`));
    const { release, last } = counted(world({ completions: 600 }, pods));
    assert.equal(release.length, 500);
    assert.deepEqual(conditions(last), ['SuccessCriteriaMet:CompletionsReached']);
  });

  it('counts no pod of a suspended Job as failed, and tells of it once', () => {
    const given = world({ suspend: true }, [running('a')]);
    const { first, release } = counted(given);
    assert.deepEqual([release, first.terminating, first.startTime], [[], 1, undefined]);
    assert.deepEqual(conditions(first), ['Suspended:JobSuspended']);
    const resumed = counted(world({}, [], { conditions: first.conditions, startTime: undefined }));
    assert.deepEqual([conditions(resumed.first), resumed.first.startTime], [['Suspended:JobResumed'], at(0)]);
  });

  it('does not count what the policy ignores', () => {
    const { release, last } = counted(
      world(policy('Ignore', disrupted), [bad('a', { condition: 'DisruptionTarget' }), bad('b')]),
    );
    assert.deepEqual([release, last.failed], [['a', 'b'], 1]);
  });
});
