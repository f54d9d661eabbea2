import { deepEqual, type Labels } from '#apimachinery';
import type { NetworkPolicy } from '#kinds';
import type { PolicyPod } from './policy-pod.js';
import { type CompiledPolicy, compilePolicy, type PeerSelector, selects, withoutRules } from './policy-rules.js';
import type { PodModel, PolicyModel } from './policy-table.js';

/** What stands for cluster DNS, which runs on the nodes: how policies select it, and where it answers. */
export interface DnsPods {
  namespace: string;
  labels: Labels | undefined;
  model: PodModel;
}

export interface IndexChanges {
  /** JSON, or '' for what is gone. */
  policies: Map<string, string>;
  pods: Map<string, string>;
  /** Policies that cannot be read, with why: whom they select is isolated, and they let nothing pass. */
  unreadable: Map<string, string>;
}

/** No pod has this name. */
const DNS = 'cluster-dns';

/**
 * Which policies select which pods, and which peers of policies are which pods. A change computes anew only what it can
 * change; `take` gives what differs from what it gave before.
 */
export class PolicyIndex {
  private readonly objects = new Map<string, NetworkPolicy>();
  private readonly policies = new Map<string, CompiledPolicy>();
  private readonly unreadable = new Map<string, string>();
  private readonly namespaces = new Map<string, Labels>();
  private readonly pods = new Map<string, PolicyPod>();
  private readonly podsOf = new Map<string, Set<string>>();
  private readonly policiesOf = new Map<string, Set<string>>();
  /** With how many policies have each. */
  private readonly selectors = new Map<string, { selector: PeerSelector; count: number }>();
  private readonly portNames = new Map<string, number>();
  private dns: DnsPods | undefined;
  private readonly dirtyPolicies = new Set<string>();
  private readonly dirtyPods = new Set<string>();
  private readonly given = { policies: new Map<string, string>(), pods: new Map<string, string>() };

  constructor(private readonly nodeName: string) {}

  get policyCount(): number {
    return this.policies.size;
  }

  get isDirty(): boolean {
    return this.dirtyPolicies.size > 0 || this.dirtyPods.size > 0;
  }

  /** Whether a policy isolates the pod on this node. */
  isIsolated(key: string): boolean {
    const pod = this.pods.get(key);
    return pod !== undefined && this.policiesOn(pod).length > 0;
  }

  /** How many pods of this node are isolated in each direction. */
  isolated(): { ingress: number; egress: number } {
    const counts = { ingress: 0, egress: 0 };
    for (const pod of this.pods.values()) {
      const models = this.policiesOn(pod).map((key) => this.policies.get(key)!.model);
      if (models.some(({ ingress }) => ingress)) counts.ingress++;
      if (models.some(({ egress }) => egress)) counts.egress++;
    }
    return counts;
  }

  /** @param key - `namespace/name` */
  setPolicy(key: string, policy: NetworkPolicy | undefined): void {
    if (policy) this.objects.set(key, policy);
    else this.objects.delete(key);
    this.compile(key);
  }

  setPod(key: string, pod: PolicyPod | undefined): void {
    const old = this.pods.get(key);
    if (deepEqual(old, pod)) return;
    if (old) remove(this.podsOf, old.namespace, key);
    if (pod) {
      this.pods.set(key, pod);
      add(this.podsOf, pod.namespace, key);
    } else this.pods.delete(key);
    this.dirtyPods.add(key);
  }

  /** @param labels - undefined when the namespace is gone */
  setNamespace(name: string, labels: Labels | undefined): void {
    if (labels) this.namespaces.set(name, labels);
    else this.namespaces.delete(name);
    for (const key of this.podsOf.get(name) ?? []) this.dirtyPods.add(key);
    if (name === this.dns?.namespace) this.compileAll();
  }

  setDns(dns: DnsPods | undefined): void {
    this.dns = dns;
    this.dirtyPods.add(DNS);
    this.compileAll();
  }

  /** What changed since the last call. */
  take(): IndexChanges {
    const policies = this.difference(this.dirtyPolicies, this.given.policies, (key) => this.policies.get(key)?.model);
    const pods = this.difference(this.dirtyPods, this.given.pods, (key) => this.podModel(key));
    const unreadable = new Map(this.unreadable);
    this.unreadable.clear();
    return { policies, pods, unreadable };
  }

  /** Nobody knows any more what was given: all is given again. */
  forget(): void {
    this.given.policies.clear();
    this.given.pods.clear();
    for (const key of this.policies.keys()) this.dirtyPolicies.add(key);
    for (const key of this.pods.keys()) this.dirtyPods.add(key);
    this.dirtyPods.add(DNS);
  }

  private difference(
    dirty: Set<string>,
    given: Map<string, string>,
    model: (key: string) => PolicyModel | PodModel | undefined,
  ): Map<string, string> {
    const changes = new Map<string, string>();
    for (const key of dirty) {
      const now = model(key);
      const text = now ? JSON.stringify(now) : '';
      if (text === (given.get(key) ?? '')) continue;
      changes.set(key, text);
      if (text) given.set(key, text);
      else given.delete(key);
    }
    dirty.clear();
    return changes;
  }

  private compileAll(): void {
    for (const key of this.objects.keys()) this.compile(key);
  }

  private compile(key: string): void {
    const old = this.policies.get(key);
    const policy = this.objects.get(key);
    const next = policy && this.compiled(key, policy);
    for (const selector of next?.selectors ?? []) this.count(selector, 1);
    for (const selector of old?.selectors ?? []) this.count(selector, -1);
    for (const name of next?.portNames ?? []) this.countPort(name, 1);
    for (const name of old?.portNames ?? []) this.countPort(name, -1);
    if (old) remove(this.policiesOf, old.namespace, key);
    if (next) {
      this.policies.set(key, next);
      add(this.policiesOf, next.namespace, key);
    } else this.policies.delete(key);
    this.dirtyPolicies.add(key);
    for (const pod of this.podsOf.get((next ?? old)?.namespace ?? '') ?? []) this.dirtyPods.add(pod);
  }

  private compiled(key: string, policy: NetworkPolicy): CompiledPolicy | undefined {
    try {
      return compilePolicy(policy, (selector) => this.selectsDns(selector));
    } catch (error) {
      this.unreadable.set(key, (error as Error).message);
      return this.isolation(policy);
    }
  }

  /** Of a policy whose rules cannot be read; undefined when nobody can say whom it selects. */
  private isolation(policy: NetworkPolicy): CompiledPolicy | undefined {
    try {
      const spec = { ...policy.spec, ingress: [], egress: [] };
      const compiled = compilePolicy({ ...policy, spec }, () => false);
      return { ...compiled, model: withoutRules(compiled.model) };
    } catch {
      return undefined;
    }
  }

  private selectsDns(selector: PeerSelector): boolean {
    return this.dns !== undefined && selects(selector, this.dns, this.namespaces.get(this.dns.namespace));
  }

  private count(selector: PeerSelector, by: 1 | -1): void {
    const entry = this.selectors.get(selector.id);
    const count = (entry?.count ?? 0) + by;
    if (count > 0) this.selectors.set(selector.id, { selector: entry?.selector ?? selector, count });
    else this.selectors.delete(selector.id);
    if (entry && count > 0) return;
    const touched = selector.namespace === undefined ? this.pods.keys() : this.podsOf.get(selector.namespace);
    for (const key of touched ?? []) this.dirtyPods.add(key);
  }

  private countPort(name: string, by: 1 | -1): void {
    const before = this.portNames.get(name) ?? 0;
    if (before + by > 0) this.portNames.set(name, before + by);
    else this.portNames.delete(name);
    if (before > 0 && before + by > 0) return;
    for (const [key, { ports }] of this.pods) if (ports.some((port) => port.name === name)) this.dirtyPods.add(key);
  }

  /** Of this node's pods only: others are isolated where they are. */
  private policiesOn(pod: PolicyPod): string[] {
    if (pod.nodeName !== this.nodeName) return [];
    const keys = [...(this.policiesOf.get(pod.namespace) ?? [])];
    return keys.filter((key) => this.policies.get(key)!.pods.matches(pod.labels));
  }

  /** Undefined when no policy is about it. */
  private podModel(key: string): PodModel | undefined {
    if (key === DNS) return this.dns?.model;
    const pod = this.pods.get(key);
    if (!pod || pod.addresses.length === 0) return undefined;
    const labels = this.namespaces.get(pod.namespace);
    const selectors: string[] = [];
    for (const [id, { selector }] of this.selectors) if (selects(selector, pod, labels)) selectors.push(id);
    const ports = pod.ports.filter(({ name }) => this.portNames.has(name));
    const policies = this.policiesOn(pod).sort();
    const of = (direction: 'ingress' | 'egress') =>
      policies.filter((name) => this.policies.get(name)!.model[direction]);
    const [ingress, egress] = [of('ingress'), of('egress')];
    if (selectors.length + ports.length + policies.length === 0) return undefined;
    return {
      addresses: pod.addresses,
      ...(selectors.length > 0 ? { selectors: selectors.sort() } : {}),
      ...(ports.length > 0 ? { ports } : {}),
      ...(ingress.length > 0 ? { ingress } : {}),
      ...(egress.length > 0 ? { egress } : {}),
    };
  }
}

function add(sets: Map<string, Set<string>>, name: string, key: string): void {
  const set = sets.get(name);
  if (set) set.add(key);
  else sets.set(name, new Set([key]));
}

function remove(sets: Map<string, Set<string>>, name: string, key: string): void {
  const set = sets.get(name);
  set?.delete(key);
  if (set?.size === 0) sets.delete(name);
}
