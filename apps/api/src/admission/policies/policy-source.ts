import type { KubeObject } from '#apimachinery';
import type { MatchResources, ParamRef } from '#kinds';
import { type CacheSink, followCache } from '../../storage/cache-follower.js';
import type { CachedObject, Store } from '../../storage/store.js';
import { PolicyMatch } from './policy-match.js';

interface BindingSpec {
  readonly policyName: string;
  readonly paramRef?: ParamRef;
  readonly matchResources?: MatchResources;
  readonly validationActions?: readonly string[];
}

export interface Binding {
  readonly name: string;
  readonly policyName: string;
  readonly paramRef: ParamRef | undefined;
  /** Undefined: all that the policy matches. */
  readonly match: PolicyMatch | undefined;
  /** Of validating policies: Deny, Warn, Audit. */
  readonly actions: readonly string[];
}

/** A policy that has bindings; without one it does nothing. */
export interface BoundPolicy<P> {
  readonly policy: P;
  readonly bindings: readonly Binding[];
}

/** Policies and bindings of one kind. Each is compiled when it changes; requests only read the list. */
export class PolicySource<P extends { readonly name: string }> {
  private readonly policies = new Map<string, P>();
  private readonly bindings = new Map<string, Binding>();
  private bound: readonly BoundPolicy<P>[] = [];

  constructor(private readonly compile: (policy: KubeObject) => P) {}

  /** Follows `admissionregistration.k8s.io/<plural>` and the bindings until the signal fires. */
  follow(store: Pick<Store, 'cache'>, plural: string, bindings: string, signal: AbortSignal): this {
    const cache = (name: string) => store.cache(`admissionregistration.k8s.io/${name}`);
    followCache(cache(bindings), this.sink(this.bindings, bindingOf), signal);
    followCache(cache(plural), this.sink(this.policies, this.compile), signal);
    return this;
  }

  /** By name. */
  get list(): readonly BoundPolicy<P>[] {
    return this.bound;
  }

  private sink<T>(into: Map<string, T>, make: (object: KubeObject) => T): CacheSink {
    const change = (apply: () => void) => {
      apply();
      this.bind();
    };
    const set = (object: CachedObject) => into.set(object.name, make(object.parse()));
    return {
      replace: (objects) =>
        change(() => {
          into.clear();
          for (const object of objects) set(object);
        }),
      upsert: (object) => change(() => set(object)),
      remove: (object) => change(() => into.delete(object.name)),
    };
  }

  private bind(): void {
    const bindings = [...this.bindings.values()].sort(byName);
    this.bound = [...this.policies.values()]
      .sort(byName)
      .map((policy) => ({ policy, bindings: bindings.filter(({ policyName }) => policyName === policy.name) }))
      .filter((entry) => entry.bindings.length > 0);
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function bindingOf({ metadata, spec }: KubeObject): Binding {
  const { policyName, paramRef, matchResources, validationActions = [] } = spec as BindingSpec;
  const match = matchResources && new PolicyMatch(matchResources);
  return { name: metadata.name!, policyName, paramRef, match, actions: validationActions };
}
