import { type GroupVersionResource, internalError, type KubeObject, type WatchEvent } from '#apimachinery';
import type { Client, WatchOptions } from '#client';
import type { FakeClock } from './fake-clock.js';

/** Numbers in [0, 1) from a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The seeds that a simulation goes through: those that `npm run simulate` says, or else as many as usual. */
export function simulationSeeds(usual: number): number[] {
  const { SIMULATION_SEEDS: count = usual, SIMULATION_FIRST: first = 1 } = process.env;
  return Array.from({ length: Number(count) }, (_, at) => Number(first) + at);
}

/** Shares of writes that are lost, with and without the one who sent them. */
export interface Chances {
  lost: number;
  killed: number;
}

/** Milliseconds that an event can be late. */
const LATEST = 300;
const SOON = 100;

/** One life of a control loop: its writes fail at random, before or after they happened; after its death all requests do. */
export class UnreliableClient implements Client {
  private dead = false;

  constructor(
    private readonly world: Client,
    private readonly random: () => number,
    private readonly clock: FakeClock,
    private readonly chances: Chances,
    private readonly killed: () => void,
  ) {}

  end(): void {
    this.dead = true;
  }

  get: Client['get'] = (...args) => this.read(() => this.world.get(...args) as Promise<any>);
  list: Client['list'] = (...args) => this.read(() => this.world.list(...args) as Promise<any>);
  create: Client['create'] = (...args) => this.write(() => this.world.create(...args) as Promise<any>);
  update: Client['update'] = (...args) => this.write(() => this.world.update(...args) as Promise<any>);
  patch: Client['patch'] = (...args) => this.write(() => this.world.patch(...args) as Promise<any>);
  delete: Client['delete'] = (...args) => this.write(() => this.world.delete(...args));
  deleteCollection: Client['deleteCollection'] = (...args) => this.write(() => this.world.deleteCollection(...args));

  /** Events come late, each resource on its own. */
  async *watch<T extends KubeObject>(of: GroupVersionResource, options?: WatchOptions): AsyncIterable<WatchEvent<T>> {
    for await (const event of this.world.watch<T>(of, options)) {
      const late = Math.floor(this.random() * LATEST);
      if (late > SOON) await new Promise<void>((resolve) => this.clock.setTimeout(resolve, late));
      if (this.dead) return;
      yield event;
    }
  }

  private async read<T>(call: () => Promise<T>): Promise<T> {
    if (this.dead) throw internalError('dead');
    return call();
  }

  private async write<T>(call: () => Promise<T>): Promise<T> {
    if (this.dead) throw internalError('dead');
    const chance = this.random();
    const { lost, killed } = this.chances;
    if (chance >= lost + killed) return call();
    if (this.random() < 0.5) await call();
    if (chance < killed) {
      this.dead = true;
      this.killed();
    }
    throw internalError('lost');
  }
}
