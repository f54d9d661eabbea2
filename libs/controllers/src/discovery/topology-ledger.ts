import type { EndpointSlice, Node } from '#kinds';
import { type PortGroup, planSlices, type SliceIdentity, type SlicePlan } from './slice-plan.js';
import { addHints, allocate, isOverloaded, isReady, withKeptHints, type ZoneShares } from './topology-hints.js';
import { zoneShares } from './zone-shares.js';

export interface HintEvent {
  type: 'Normal' | 'Warning';
  reason: 'TopologyAwareHintsEnabled' | 'TopologyAwareHintsDisabled';
  message: string;
}

/** Which Services have hints for zones, and how many endpoints each zone has of them. */
export class TopologyLedger {
  /** By key of the Service, then by family. */
  private readonly services = new Map<string, Map<string, ReadonlyMap<string, number>>>();
  /** Undefined: to be told anew. */
  private shares: { of: ZoneShares | undefined } | undefined;

  constructor(private readonly nodes: { values(): Iterable<Node> }) {}

  /** Plans the slices of a Service that asks for hints. */
  plan(
    key: string,
    identity: SliceIdentity,
    existing: readonly EndpointSlice[],
    groups: readonly PortGroup[],
  ): { plan: SlicePlan; events: HintEvent[] } {
    const { addressType } = identity;
    const ready = groups.flatMap(({ endpoints }) => endpoints.filter(isReady));
    const allocations = allocate(ready.length, this.zoneShares());
    const trouble =
      typeof allocations === 'string'
        ? allocations
        : ready.some(({ zone }) => !zone)
          ? 'One or more endpoints do not have a zone specified'
          : undefined;
    if (trouble !== undefined || typeof allocations === 'string') {
      this.drop(key, addressType);
      const message = `${trouble}, addressType: ${addressType}`;
      const event: HintEvent = { type: 'Warning', reason: 'TopologyAwareHintsDisabled', message };
      return { plan: planSlices(identity, existing, groups), events: [event] };
    }
    const plain = planSlices(identity, existing, withKeptHints(groups, existing));
    const touched = new Set([...plain.update, ...plain.remove].map(({ metadata }) => metadata.uid));
    const unchanged = existing.filter(({ metadata }) => !touched.has(metadata.uid));
    const { plan, allocated } = addHints(plain, unchanged, allocations);
    const isNew = !this.services.has(key);
    this.record(key, addressType, allocated);
    const message = `Topology Aware Hints has been enabled, addressType: ${addressType}`;
    return { plan, events: isNew ? [{ type: 'Normal', reason: 'TopologyAwareHintsEnabled', message }] : [] };
  }

  /** The Service no longer asks for hints in this family. */
  end(key: string, addressType: string): HintEvent[] {
    if (!this.services.has(key)) return [];
    this.drop(key, addressType);
    const message = `Topology Aware Hints has been disabled, addressType: ${addressType}`;
    return [{ type: 'Warning', reason: 'TopologyAwareHintsDisabled', message }];
  }

  forget(key: string): void {
    this.services.delete(key);
  }

  /** Keys of the Services that have too little in some zone now. */
  nodesChanged(): string[] {
    this.shares = undefined;
    if (this.services.size === 0) return [];
    const shares = this.zoneShares();
    const overloaded = [...this.services].filter(([, families]) =>
      [...families.values()].some((allocated) => isOverloaded(allocated, shares)),
    );
    return overloaded.map(([key]) => key);
  }

  private zoneShares(): ZoneShares | undefined {
    this.shares ??= { of: zoneShares(this.nodes.values()) };
    return this.shares.of;
  }

  private record(key: string, addressType: string, allocated: ReadonlyMap<string, number>): void {
    const families = this.services.get(key) ?? new Map<string, ReadonlyMap<string, number>>();
    families.set(addressType, allocated);
    this.services.set(key, families);
  }

  private drop(key: string, addressType: string): void {
    const families = this.services.get(key);
    families?.delete(addressType);
    if (families?.size === 0) this.services.delete(key);
  }
}
