import assert from 'node:assert/strict';
import { conflict, type GroupVersionResource, type KubeObject } from '#apimachinery';
import { gvr, type Job, type JobSpec, type Pod } from '#kinds';
import { controllerContext, FakeClock, MemoryClient, randomOf, simulationSeeds, UnreliableClient } from '#testing';
import { COMPLETION_INDEX } from './completion-indexes.js';
import { TRACKING_FINALIZER } from './job.plan.js';
import { jobController } from './job.reconciler.js';

/**
 * Pods and their counting, with a controller that is killed at random: each of its writes can be lost, before or after it
 * happened, with the controller or without. What the counts must come to is noted where finalizers go.
 */

const SEEDS = simulationSeeds(12);
const NAMESPACE = 'default';

/** What of the API a Job's pods need: finalizers hold deletions back. Notes the end of each pod that loses its finalizer. */
class PodWorld extends MemoryClient {
  readonly succeeded = new Set<string>();
  readonly failed = new Set<string>();
  private names = 0;

  override async create<T extends KubeObject>(to: GroupVersionResource, namespace: string, object: T): Promise<T> {
    const name = object.metadata.name ?? `${object.metadata.generateName}${this.names++}`;
    const creationTimestamp = '2029-12-31T00:00:00Z';
    const metadata = { ...object.metadata, name, creationTimestamp };
    const status = to === gvr.pods ? { status: { phase: 'Pending' } } : {};
    return super.create(to, namespace, { ...object, metadata, ...status });
  }

  override async patch<T extends KubeObject>(
    to: GroupVersionResource,
    namespace: string,
    name: string,
    type: string,
    patch: Partial<KubeObject>,
    options: { subresource?: string } = {},
  ): Promise<T> {
    if (to !== gvr.pods) return super.patch(to, namespace, name, type, patch, options);
    const pod = await this.get<Pod>(to, namespace, name);
    const { uid, deletionTimestamp, resourceVersion, finalizers = [] } = pod.metadata;
    const expected = patch.metadata?.resourceVersion ?? resourceVersion;
    if (expected !== resourceVersion) throw conflict(to, name);
    if (!finalizers.includes(TRACKING_FINALIZER)) return pod as unknown as T;
    if (pod.status?.phase === 'Succeeded') this.succeeded.add(pod.metadata.annotations?.[COMPLETION_INDEX] ?? uid!);
    else if (pod.status?.phase === 'Failed' || deletionTimestamp) this.failed.add(uid!);
    const changed = { ...pod, metadata: { ...pod.metadata, finalizers: [] } };
    if (deletionTimestamp) this.remove(gvr.pods, namespace, name);
    else this.put(gvr.pods, changed);
    return changed as unknown as T;
  }

  override async delete(to: GroupVersionResource, namespace: string, name: string): Promise<void> {
    const object = await this.get<KubeObject>(to, namespace, name);
    const { deletionTimestamp, finalizers = [] } = object.metadata;
    if (finalizers.length === 0) this.remove(to, namespace, name);
    else if (!deletionTimestamp) {
      this.put(to, { ...object, metadata: { ...object.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } });
    }
  }
}

/**
 * What happens to pods: they run, end, are evicted, and are collected. Where a pod counts as failed as soon as its deletion is asked
 * for, it does not succeed after that.
 */
function live(world: PodWorld, job: Job, pods: readonly Pod[], random: () => number): void {
  const mayStillSucceed = job.spec.podReplacementPolicy === 'Failed';
  for (const pod of pods) {
    const { metadata, status } = pod;
    const end = (phase: string) => world.put(gvr.pods, { ...pod, status: { ...status, phase } } as Pod);
    const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    if (ended || metadata.deletionTimestamp) {
      if (!metadata.finalizers?.length && random() < 0.3) world.remove(gvr.pods, NAMESPACE, metadata.name!);
      else if (!ended && random() < 0.3) end(mayStillSucceed && random() < 0.3 ? 'Succeeded' : 'Failed');
    } else if (status?.phase === 'Pending') end('Running');
    else if (random() < 0.3) end(random() < 0.6 ? 'Succeeded' : 'Failed');
    else if (random() < 0.05) void world.delete(gvr.pods, NAMESPACE, metadata.name!);
  }
}

interface Run {
  job: Job;
  world: PodWorld;
  pods: Pod[];
  lives: number;
}

async function simulate(seed: number, spec: Partial<JobSpec>): Promise<Run> {
  const random = randomOf(seed);
  const world = new PodWorld();
  const clock = new FakeClock();
  world.put(gvr.jobs, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'job', namespace: NAMESPACE, uid: 'job' },
    spec: {
      parallelism: 4,
      completions: 12,
      backoffLimit: 1000,
      selector: { matchLabels: { job: 'job' } },
      template: { metadata: { labels: { job: 'job' } }, spec: { containers: [] } },
      ...spec,
    },
  } as KubeObject);
  let stop = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  let lives = 0;
  const chances = { lost: 0.1, killed: 0.08 };
  let life: UnreliableClient | undefined;
  const start = () => {
    lives++;
    life?.end();
    stop = new AbortController();
    const mine = stop;
    life = new UnreliableClient(world, random, clock, chances, () => mine.abort());
    const context = controllerContext(life, { clock });
    const controller = jobController(context);
    context.informers.start(mine.signal);
    running = controller.run(mine.signal).catch(() => {});
  };
  const find = () => world.get<Job & KubeObject>(gvr.jobs, NAMESPACE, 'job');
  const podsOf = async () => (await world.list<Pod & KubeObject>(gvr.pods, { namespace: NAMESPACE })).items;
  const isOver = (job: Job) => job.status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed');
  start();
  try {
    for (let turn = 0; turn < 2000; turn++) {
      // In peace what is left is done.
      if (turn === 100) Object.assign(chances, { lost: 0, killed: 0 });
      await clock.advance(Math.floor(random() * 8_000));
      if (stop.signal.aborted) start();
      const job = await find();
      if (isOver(job)) break;
      live(world, job, await podsOf(), random);
    }
    Object.assign(chances, { lost: 0, killed: 0 });
    if (stop.signal.aborted) start();
    await clock.advance(60_000);
    return { job: await find(), world, pods: await podsOf(), lives };
  } finally {
    life?.end();
    stop.abort();
    await clock.advance(1000);
    await running;
  }
}

function assertExact({ job, world, pods }: Run, seed: number): void {
  const status = job.status ?? {};
  const told = `seed ${seed}: ${JSON.stringify(status)}`;
  assert.ok(
    status?.conditions?.some(({ type }) => type === 'Complete'),
    `not complete, ${told}`,
  );
  assert.deepEqual(status.uncountedTerminatedPods, {}, told);
  assert.equal(status.succeeded ?? 0, world.succeeded.size, told);
  assert.equal(status.failed ?? 0, world.failed.size, told);
  assert.ok(status.succeeded! >= job.spec.completions!, told);
  assert.deepEqual(
    pods.filter(({ metadata }) => metadata.finalizers?.length),
    [],
    told,
  );
}

describe('the counts of a Job whose controller is killed at random', () => {
  for (const [kind, spec] of [
    ['any pods', {}],
    ['indexes', { completionMode: 'Indexed' }],
    ['indexes with limits of their own', { completionMode: 'Indexed', backoffLimitPerIndex: 1000 }],
    ['pods that are replaced once they have ended', { podReplacementPolicy: 'Failed' }],
  ] as const) {
    it(`are exact for ${kind}`, async () => {
      let lives = 0;
      for (const seed of SEEDS) {
        const run = await simulate(seed, spec);
        assertExact(run, seed);
        lives += run.lives;
      }
      // A run without a death would prove nothing.
      assert.ok(lives > 3 * SEEDS.length, `${lives} lives`);
    });
  }
});
