import assert from 'node:assert/strict';
import { isNotFound, type KubeObject } from '#apimachinery';
import { gvr, type Job, type Pod } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ agent: true });
});
afterAll(() => env.close());

const create = (namespace: string, spec: Record<string, unknown>, annotations: Record<string, string> = {}) =>
  env.client.create<KubeObject>(gvr.jobs, namespace, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'job' },
    spec: {
      template: {
        metadata: { annotations },
        spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'x' }] },
      },
      ...spec,
    },
  });
const get = (namespace: string) => env.client.get<Job & KubeObject>(gvr.jobs, namespace, 'job');
const pods = async (namespace: string) => (await env.client.list<Pod & KubeObject>(gvr.pods, { namespace })).items;
const finished = (namespace: string, type: 'Complete' | 'Failed') =>
  env.until(type, async () => {
    const job = await get(namespace);
    return job.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') && job;
  });
const reasons = (job: Job) => (job.status?.conditions ?? []).map(({ type, reason }) => `${type}:${reason}`);

describe('Job', () => {
  it('runs pods until as many have succeeded as it asks for', async () => {
    const namespace = await env.namespace();
    await create(namespace, { completions: 5, parallelism: 2 }, { 'test/exit': '0' });
    const { status } = await finished(namespace, 'Complete');
    assert.deepEqual([status?.succeeded, status?.failed, status?.active], [5, undefined, undefined]);
    assert.deepEqual(status?.uncountedTerminatedPods ?? {}, {});
    assert.ok(status?.completionTime);
    assert.equal((await pods(namespace)).length, 5);
    assert.ok((await pods(namespace)).every((pod) => !pod.metadata.finalizers?.length));
    assert.deepEqual(reasons(await get(namespace)), [
      'SuccessCriteriaMet:CompletionsReached',
      'Complete:CompletionsReached',
    ]);
  });

  it('gives each pod of an Indexed Job its index', async () => {
    const namespace = await env.namespace();
    await create(namespace, { completions: 4, parallelism: 4, completionMode: 'Indexed' }, { 'test/exit': '0' });
    const { status } = await finished(namespace, 'Complete');
    assert.equal(status?.completedIndexes, '0-3');
    assert.equal(status?.succeeded, 4);
    const [pod] = (await pods(namespace)).filter((p) => p.spec.hostname === 'job-2');
    assert.match(pod!.metadata.name!, /^job-2-/);
    assert.ok(pod!.spec.containers[0]?.env?.some(({ name }) => name === 'JOB_COMPLETION_INDEX'));
  });

  it('fails at the backoff limit, and stops the pods that still run', async () => {
    const namespace = await env.namespace();
    await create(namespace, { backoffLimit: 0 }, { 'test/exit': '1' });
    const job = await finished(namespace, 'Failed');
    assert.equal(job.status?.failed, 1);
    assert.deepEqual(reasons(job), ['FailureTarget:BackoffLimitExceeded', 'Failed:BackoffLimitExceeded']);
  });

  it('fails after its deadline', async () => {
    const namespace = await env.namespace();
    await create(namespace, { activeDeadlineSeconds: 1 });
    const job = await finished(namespace, 'Failed');
    assert.deepEqual(reasons(job), ['FailureTarget:DeadlineExceeded', 'Failed:DeadlineExceeded']);
    assert.ok((await pods(namespace)).every((pod) => pod.metadata.deletionTimestamp || pod.status?.phase === 'Failed'));
  });

  it('can be suspended and resumed, and made wider and narrower', async () => {
    const namespace = await env.namespace();
    await create(namespace, { suspend: true, parallelism: 2, completions: 10 });
    await env.until('the condition', async () => reasons(await get(namespace)).includes('Suspended:JobSuspended'));
    assert.equal((await pods(namespace)).length, 0);
    const patch = (spec: object) => env.client.patch(gvr.jobs, namespace, 'job', MERGE, { spec });
    await patch({ suspend: false });
    await env.until('two pods', async () => (await get(namespace)).status?.ready === 2);
    await patch({ parallelism: 3 });
    await env.until('three pods', async () => (await get(namespace)).status?.ready === 3);
    await patch({ parallelism: 1 });
    await env.until('one pod', async () => (await pods(namespace)).length === 1);
    await patch({ suspend: true });
    await env.until('no pod', async () => (await pods(namespace)).length === 0);
  });

  it('takes its pods with it', async () => {
    const namespace = await env.namespace();
    await create(namespace, { parallelism: 2 });
    await env.until('two pods', async () => (await get(namespace)).status?.ready === 2);
    await env.client.delete(gvr.jobs, namespace, 'job', { propagationPolicy: 'Background' });
    await env.until('the end', async () => {
      try {
        await get(namespace);
        return false;
      } catch (error) {
        return isNotFound(error);
      }
    });
    await env.until('no pod', async () => (await pods(namespace)).length === 0);
  });

  /** Pods of such Jobs end when the test says so. */
  const held = { 'test/hold': '1' };
  const indexed = { completionMode: 'Indexed', completions: 3, parallelism: 3 };
  const indexOf = (pod: Pod) => Number(pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index']);
  /** The pod that works on the index, once it is there. */
  const podOf = (namespace: string, index: number, failures?: number) =>
    env.until(`pod ${index}`, async () =>
      (await pods(namespace)).find(
        (pod) =>
          indexOf(pod) === index &&
          pod.status?.phase === 'Pending' &&
          (failures === undefined ||
            pod.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'] === String(failures)),
      ),
    );
  const end = async (namespace: string, pod: Pod, exitCode: number, conditions: object[] = []) => {
    const finishedAt = '2020-01-01T00:00:00Z';
    const terminated = { exitCode, reason: 'Ended', startedAt: finishedAt, finishedAt };
    const container = { name: 'main', image: 'x', imageID: 'x', ready: false, restartCount: 0, state: { terminated } };
    const status = { phase: exitCode === 0 ? 'Succeeded' : 'Failed', conditions, containerStatuses: [container] };
    await env.client.patch(gvr.pods, namespace, pod.metadata.name!, MERGE, { status }, { subresource: 'status' });
  };
  const letGo = async (namespace: string) => {
    for (const { metadata } of await pods(namespace)) {
      if (metadata.deletionTimestamp) {
        await env.client.delete(gvr.pods, namespace, metadata.name!, { gracePeriodSeconds: 0 });
      }
    }
  };
  const onExit = (action: string) => ({
    podFailurePolicy: { rules: [{ action, onExitCodes: { operator: 'In', values: [42] } }] },
  });

  it('fails at once by its pod failure policy', async () => {
    const namespace = await env.namespace();
    await create(namespace, { ...indexed, ...onExit('FailJob') }, held);
    const pod = await podOf(namespace, 1);
    await end(namespace, pod, 42);
    const { status } = await env.until('the target', async () => {
      const job = await get(namespace);
      return job.status?.conditions?.[0]?.type === 'FailureTarget' && job;
    });
    const message = `Container main for pod ${namespace}/${pod.metadata.name} failed with exit code 42 matching FailJob rule at index 0`;
    assert.equal(status?.conditions?.[0]?.message, message);
    await letGo(namespace);
    const job = await finished(namespace, 'Failed');
    assert.deepEqual(reasons(job), ['FailureTarget:PodFailurePolicy', 'Failed:PodFailurePolicy']);
    assert.deepEqual([job.status?.failed, job.status?.terminating], [3, 0]);
  });

  it('does not count failures that its policy ignores', async () => {
    const namespace = await env.namespace();
    const onPodConditions = [{ type: 'DisruptionTarget', status: 'True' }];
    const rules = [{ action: 'Ignore', onPodConditions }];
    await create(namespace, { ...indexed, completions: 1, backoffLimit: 0, podFailurePolicy: { rules } }, held);
    await end(namespace, await podOf(namespace, 0), 1, [{ type: 'DisruptionTarget', status: 'True' }]);
    await end(namespace, await podOf(namespace, 0), 0);
    const { status } = await finished(namespace, 'Complete');
    assert.deepEqual([status?.succeeded, status?.failed], [1, undefined]);
  });

  it('gives each index its own failures, and ends when all have', async () => {
    const namespace = await env.namespace();
    await create(namespace, { ...indexed, completions: 2, backoffLimitPerIndex: 1 }, held);
    await end(namespace, await podOf(namespace, 0, 0), 1);
    await end(namespace, await podOf(namespace, 0, 1), 1);
    await env.until('the failed index', async () => (await get(namespace)).status?.failedIndexes === '0');
    await end(namespace, await podOf(namespace, 1, 0), 0);
    const job = await finished(namespace, 'Failed');
    assert.deepEqual(reasons(job), ['FailureTarget:FailedIndexes', 'Failed:FailedIndexes']);
    const { failedIndexes, completedIndexes, failed, succeeded } = job.status!;
    assert.deepEqual([failedIndexes, completedIndexes, failed, succeeded], ['0', '1', 2, 1]);
  });

  it('fails with more failed indexes than it may have', async () => {
    const namespace = await env.namespace();
    const spec = { ...indexed, backoffLimitPerIndex: 5, maxFailedIndexes: 0, ...onExit('FailIndex') };
    await create(namespace, spec, held);
    await end(namespace, await podOf(namespace, 2), 42);
    await env.until('the target', async () =>
      reasons(await get(namespace)).includes('FailureTarget:MaxFailedIndexesExceeded'),
    );
    await letGo(namespace);
    const { status } = await finished(namespace, 'Failed');
    assert.equal(status?.failedIndexes, '2');
  });

  it('succeeds by its success policy, and stops the other pods', async () => {
    const namespace = await env.namespace();
    await create(namespace, { ...indexed, successPolicy: { rules: [{ succeededIndexes: '1' }] } }, held);
    await end(namespace, await podOf(namespace, 1), 0);
    await env.until('the criteria', async () =>
      reasons(await get(namespace)).includes('SuccessCriteriaMet:SuccessPolicy'),
    );
    await letGo(namespace);
    const job = await finished(namespace, 'Complete');
    assert.deepEqual(reasons(job), ['SuccessCriteriaMet:SuccessPolicy', 'Complete:SuccessPolicy']);
    assert.deepEqual([job.status?.completedIndexes, job.status?.succeeded, job.status?.failed], ['1', 1, undefined]);
  });

  it('can have more indexes, and fewer', async () => {
    const namespace = await env.namespace();
    await create(namespace, indexed, held);
    await podOf(namespace, 2);
    const patch = (count: number) =>
      env.client.patch(gvr.jobs, namespace, 'job', MERGE, { spec: { completions: count, parallelism: count } });
    const indexes = async () =>
      (await pods(namespace))
        .filter((pod) => !pod.metadata.deletionTimestamp)
        .map(indexOf)
        .sort();
    await patch(4);
    await env.until('four', async () => (await indexes()).join() === '0,1,2,3');
    await patch(2);
    await env.until('two', async () => (await indexes()).join() === '0,1');
  });

  it('is left to another controller that manages it', async () => {
    const namespace = await env.namespace();
    await create(namespace, { managedBy: 'example.com/jobs' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual([await pods(namespace), (await get(namespace)).status], [[], {}]);
  });

  it('adopts a pod that it selects, with its finalizer', async () => {
    const namespace = await env.namespace();
    await create(namespace, {}, held);
    const [pod] = await env.until('the pod', async () => {
      const all = await pods(namespace);
      return all.length === 1 && all;
    });
    await env.client.patch(gvr.pods, namespace, pod!.metadata.name!, MERGE, {
      metadata: { ownerReferences: [], finalizers: [] },
    });
    await env.until('its owner', async () => {
      const [adopted] = await pods(namespace);
      const { ownerReferences, finalizers } = adopted!.metadata;
      return ownerReferences?.[0]?.kind === 'Job' && finalizers?.includes('batch.kubernetes.io/job-tracking');
    });
  });
});
