import type { Node } from '#kinds';
import { evictionRates, isNodeReady, type ZoneCount, zoneOf } from './node-health.js';

/** How many nodes of each zone are ready, and what may be evicted there. Each event costs what it changes. */
export class ZoneCensus {
  private readonly zones = new Map<string, ZoneCount>();
  /** Names. */
  private readonly unready = new Set<string>();
  private rates: ReadonlyMap<string, number> = new Map();

  /** Nodes a second. */
  rateOf(zone: string): number {
    return this.rates.get(zone) ?? 0;
  }

  /** Something may be evicted somewhere. */
  get evicts(): boolean {
    return [...this.rates.values()].some((rate) => rate > 0);
  }

  /** Takes what a node was, and what it is. Gives the names of the nodes for which another rate holds now, and may mean another taint. */
  record(old: Node | undefined, node: Node | undefined): Iterable<string> {
    if (old && node && zoneOf(old) === zoneOf(node) && isNodeReady(old) === isNodeReady(node)) return [];
    if (old) this.count(old, -1);
    if (node) this.count(node, 1);
    const before = this.rates;
    this.rates = evictionRates(this.zones);
    const changed = [...this.rates].some(([zone, rate]) => before.get(zone) !== rate);
    return changed ? this.unready : [];
  }

  private count(node: Node, by: 1 | -1): void {
    const name = node.metadata.name!;
    const zone = zoneOf(node);
    const count = this.zones.get(zone) ?? { ready: 0, unready: 0 };
    const ready = isNodeReady(node);
    if (ready) count.ready += by;
    else count.unready += by;
    if (by === 1 && !ready) this.unready.add(name);
    else this.unready.delete(name);
    if (count.ready + count.unready === 0) this.zones.delete(zone);
    else this.zones.set(zone, count);
  }
}
