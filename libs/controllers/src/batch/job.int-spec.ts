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
});
