import assert from 'node:assert/strict';
import { type GroupVersionResource, isConflict, type KubeObject } from '#apimachinery';
import { type Deployment, gvr, type Pod, type ReplicaSet } from '#kinds';
import {
  buildDeployment,
  type Chances,
  controllerContext,
  FakeClock,
  MemoryClient,
  randomOf,
  simulationSeeds,
  UnreliableClient,
} from '#testing';
import { deploymentController } from './deployment.reconciler.js';
import { REVISION } from './deployment.revisions.js';
import { ROLLBACK_TO } from './deployment.rollback.js';
import { maxUnavailable } from './deployment.sizing.js';
import { isComplete } from './deployment.status.js';
import { replicaSetController } from './replica-set.reconciler.js';

/**
 * A Deployment whose controllers are killed at random: writes are lost, before or after they happened, and watches are late. What
 * it must come to is the same all the same.
 */

const SEEDS = simulationSeeds(4);
const NAMESPACE = 'default';
const NAME = 'web';
const HISTORY = 2;
const IMAGES = ['app:1', 'app:2', 'app:3', 'app:4'];

type Stored<T> = T & KubeObject;

/** What of the API the controllers need: generations, statuses of their own, names, and pods that end in their time. */
class DeploymentWorld extends MemoryClient {
  private names = 0;

  override create<T extends KubeObject>(to: GroupVersionResource, namespace: string, object: T): Promise<T> {
    const name = object.metadata.name ?? `${object.metadata.generateName}${this.names++}`;
    const creationTimestamp = new Date(Date.UTC(2029, 0, 1) + this.names * 1000).toISOString();
    const metadata = { ...object.metadata, name, generation: 1, creationTimestamp };
    const status = to === gvr.pods ? { status: { phase: 'Pending' } } : {};
    return super.create(to, namespace, { ...object, metadata, ...status });
  }

  override async update<T extends KubeObject>(
    to: GroupVersionResource,
    namespace: string,
    object: T,
    options: { subresource?: string } = {},
  ): Promise<T> {
    const current = (await this.get(to, namespace, object.metadata.name!)) as T & { spec?: unknown; status?: unknown };
    const generation = current.metadata.generation ?? 1;
    const isStatus = options.subresource === 'status';
    const kept = isStatus ? { spec: current.spec } : { status: current.status };
    const changed = { ...object, ...kept } as typeof current;
    const grown = !isStatus && JSON.stringify(changed.spec) !== JSON.stringify(current.spec);
    const metadata = { ...object.metadata, generation: grown ? generation + 1 : generation };
    return super.update(to, namespace, { ...changed, metadata }, options);
  }

  override async delete(to: GroupVersionResource, namespace: string, name: string): Promise<void> {
    const object = await this.get(to, namespace, name);
    const { deletionTimestamp } = object.metadata;
    if (to !== gvr.pods) this.remove(to, namespace, name);
    else if (!deletionTimestamp) {
      this.put(to, { ...object, metadata: { ...object.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } });
    }
  }

  deployment(): Promise<Stored<Deployment>> {
    return this.get<Stored<Deployment>>(gvr.deployments, NAMESPACE, NAME);
  }

  async sets(): Promise<Stored<ReplicaSet>[]> {
    return (await this.list<Stored<ReplicaSet>>(gvr.replicasets)).items;
  }

  async pods(): Promise<Stored<Pod>[]> {
    return (await this.list<Stored<Pod>>(gvr.pods)).items;
  }

  /** As a user writes: what the controllers write meanwhile is not in the way. */
  async change(of: (deployment: Deployment) => Deployment): Promise<void> {
    for (;;) {
      try {
        await this.update(gvr.deployments, NAMESPACE, of(await this.deployment()) as Stored<Deployment>);
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }
}

const isReady = (pod: Pod) =>
  !pod.metadata.deletionTimestamp &&
  !!pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');

/** Pods start, and end when they are deleted; in bad times they fail, or somebody deletes them. */
async function live(world: DeploymentWorld, clock: FakeClock, random: () => number, bad: boolean): Promise<void> {
  const sets = new Set((await world.sets()).map(({ metadata }) => metadata.uid));
  for (const pod of await world.pods()) {
    const { metadata, spec } = pod;
    const is = (status: object) =>
      world.put(gvr.pods, { ...pod, spec: { ...spec, nodeName: 'n' }, status } as Stored<Pod>);
    const isCollected = !sets.has(metadata.ownerReferences?.[0]?.uid);
    if (metadata.deletionTimestamp || isCollected || pod.status?.phase === 'Failed') {
      if (random() < 0.5) world.remove(gvr.pods, NAMESPACE, metadata.name!);
    } else if (pod.status?.phase === 'Pending') {
      const lastTransitionTime = new Date(clock.now()).toISOString();
      if (random() < 0.6) is({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }] });
    } else if (bad && random() < 0.06) {
      if (random() < 0.5) is({ phase: 'Failed' });
      else await world.delete(gvr.pods, NAMESPACE, metadata.name!);
    }
  }
}

const withImage = (image: string) => (deployment: Deployment) => {
  const { template } = deployment.spec;
  return {
    ...deployment,
    spec: { ...deployment.spec, template: { ...template, spec: { containers: [{ name: 'main', image }] } } },
  } as Deployment;
};

/** What a user does next. */
function act(world: DeploymentWorld, random: () => number): Promise<void> {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  const chance = random();
  const spec = (change: Partial<Deployment['spec']>) =>
    world.change((deployment) => ({ ...deployment, spec: { ...deployment.spec, ...change } }));
  if (chance < 0.5) return world.change(withImage(pick(IMAGES)));
  if (chance < 0.7) return spec({ replicas: Math.floor(random() * 8) });
  if (chance < 0.85) return spec({ paused: random() < 0.5 });
  return world.change((deployment) => {
    const annotations = { ...deployment.metadata.annotations, [ROLLBACK_TO]: String(Math.floor(random() * 4)) };
    return { ...deployment, metadata: { ...deployment.metadata, annotations } };
  });
}

interface Simulation {
  world: DeploymentWorld;
  lives: number;
}

interface Course {
  seed: number;
  deployment: Deployment;
  turns: number;
  chances: Chances;
  /** Pods fail and are deleted by others. */
  bad: boolean;
  /** Called each turn of the first part; the second part is peace. */
  turn(world: DeploymentWorld, random: () => number): Promise<void>;
  look?(world: DeploymentWorld): Promise<void>;
}

async function simulate({ seed, deployment, turns, chances, bad, turn, look }: Course): Promise<Simulation> {
  const random = randomOf(seed);
  const world = new DeploymentWorld();
  const clock = new FakeClock();
  world.put(gvr.deployments, deployment as Stored<Deployment>);
  let stop = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  let lives = 0;
  let life: UnreliableClient | undefined;
  const start = () => {
    lives++;
    life?.end();
    stop = new AbortController();
    const mine = stop;
    life = new UnreliableClient(world, random, clock, chances, () => mine.abort());
    const context = controllerContext(life, { clock });
    const controllers = [deploymentController(context), replicaSetController(context)];
    context.informers.start(mine.signal);
    running = Promise.allSettled(controllers.map((controller) => controller.run(mine.signal)));
  };
  start();
  try {
    for (let at = 0; at < turns; at++) {
      await clock.advance(Math.floor(random() * 3_000));
      if (stop.signal.aborted) start();
      await turn(world, random);
      await live(world, clock, random, bad);
      await look?.(world);
    }
    Object.assign(chances, { lost: 0, killed: 0 });
    await world.change((current) => ({ ...current, spec: { ...current.spec, paused: false } }));
    for (let at = 0; at < 150; at++) {
      // One that was on its way to die in the first part dies in this one.
      if (stop.signal.aborted) start();
      await clock.advance(3_000);
      await live(world, clock, random, false);
      await look?.(world);
      if (at > 30 && (await isSettled(world))) break;
    }
    return { world, lives };
  } finally {
    life?.end();
    stop.abort();
    await clock.advance(1000);
    await running;
  }
}

async function isSettled(world: DeploymentWorld): Promise<boolean> {
  const deployment = await world.deployment();
  const pods = await world.pods();
  return isComplete(deployment, deployment.status ?? {}) && pods.length === deployment.spec.replicas;
}

async function assertDone({ world }: Simulation, seed: number): Promise<void> {
  const deployment = await world.deployment();
  const [sets, pods] = [await world.sets(), await world.pods()];
  const told = `seed ${seed}: ${JSON.stringify({ deployment, sets: sets.map(({ metadata, spec, status }) => [metadata.name, spec.replicas, status]) })}`;
  const { replicas } = deployment.spec;
  const image = deployment.spec.template.spec!.containers[0]!.image;
  assert.ok(isComplete(deployment, deployment.status ?? {}), told);
  assert.equal(deployment.metadata.annotations?.[ROLLBACK_TO], undefined, told);
  assert.equal(pods.filter(isReady).length, replicas, told);
  assert.equal(pods.length, replicas, told);
  assert.ok(
    pods.every((pod) => pod.spec.containers[0]!.image === image),
    told,
  );
  const current = sets.filter(({ spec }) => spec.template!.spec!.containers[0]!.image === image);
  assert.equal(current.length, 1, told);
  const revision = current[0]!.metadata.annotations?.[REVISION];
  assert.equal(deployment.metadata.annotations?.[REVISION], revision, told);
  assert.ok(
    sets.every(
      ({ metadata }) =>
        metadata === current[0]!.metadata || Number(metadata.annotations?.[REVISION]) < Number(revision),
    ),
    told,
  );
  assert.ok(sets.length <= HISTORY + 1, told);
}

describe('a Deployment whose controllers are killed at random', () => {
  const start = (seed: number) => {
    const traits = { replicas: 5, image: IMAGES[0]!, spec: { revisionHistoryLimit: HISTORY } };
    const [maxSurge, unavailable] = [
      [1, 0],
      [2, 1],
      ['25%', '25%'],
      [0, 2],
    ][seed % 4]!;
    return buildDeployment({
      ...traits,
      maxSurge,
      maxUnavailable: unavailable,
      strategy: seed % 5 === 4 ? 'Recreate' : 'RollingUpdate',
    });
  };

  it('has the pods of its template in the end, whatever was asked of it meanwhile', async () => {
    let lives = 0;
    for (const seed of SEEDS) {
      const turn = async (world: DeploymentWorld, random: () => number) => {
        if (random() < 0.2) await act(world, random);
      };
      const run = await simulate({
        seed,
        deployment: start(seed),
        turns: 80,
        chances: { lost: 0.08, killed: 0.04 },
        bad: true,
        turn,
      });
      await assertDone(run, seed);
      lives += run.lives;
    }
    // A run without a death would prove nothing.
    assert.ok(lives > 3 * SEEDS.length, `${lives} lives`);
  });

  it('keeps as many pods available as it must while one roll-out follows another', async () => {
    for (const seed of SEEDS) {
      const deployment = start(4 * seed + (seed % 3));
      if (deployment.spec.strategy?.type === 'Recreate') continue;
      const least = deployment.spec.replicas! - maxUnavailable(deployment);
      let image = 0;
      let began = false;
      const turn = async (world: DeploymentWorld) => {
        if (!(await isSettled(world))) return;
        began = true;
        await world.change(withImage(IMAGES[++image % IMAGES.length]!));
      };
      const look = async (world: DeploymentWorld) => {
        const ready = (await world.pods()).filter(isReady).length;
        assert.ok(!began || ready >= least, `seed ${seed}: ${ready} of ${least} pods are ready`);
      };
      // A creation that is lost after it happened is made again. The pod too many counts as available until it is deleted, here as in
      // the reference, so that an old one may go too early: writes are lost with their controller alone, which looks anew then.
      const chances = { lost: 0, killed: 0.08 };
      const run = await simulate({ seed, deployment, turns: 120, chances, bad: false, turn, look });
      assert.ok(image > 0, `seed ${seed}: no roll-out was completed`);
      await assertDone(run, seed);
    }
  });
});
