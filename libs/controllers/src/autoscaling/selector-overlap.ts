import { LabelMatcher } from '#apimachinery';
import type { Pod } from '#kinds';

/** Which pods each autoscaler looks at: two that look at one pod would work against each other. */
export class SelectorOverlap {
  private readonly namespaces = new Map<string, Map<string, LabelMatcher>>();

  /** Before its first look an autoscaler looks at nothing. */
  register(namespace: string, name: string): void {
    const selectors = this.namespaces.get(namespace) ?? new Map<string, LabelMatcher>();
    this.namespaces.set(namespace, selectors);
    if (!selectors.has(name)) selectors.set(name, LabelMatcher.nothing);
  }

  forget(namespace: string, name: string): void {
    const selectors = this.namespaces.get(namespace);
    selectors?.delete(name);
    if (selectors?.size === 0) this.namespaces.delete(namespace);
  }

  /** False when the autoscaler is gone. */
  set(namespace: string, name: string, selector: LabelMatcher): boolean {
    const selectors = this.namespaces.get(namespace);
    if (!selectors?.has(name)) return false;
    selectors.set(name, selector);
    return true;
  }

  /** Names of autoscalers that look at one of the pods: at most `limit`, in the order of their names. */
  looking(namespace: string, pods: readonly Pod[], limit: number): string[] {
    const selectors = this.namespaces.get(namespace);
    if (!selectors) return [];
    const labelSets = new Map(pods.map(({ metadata: { labels } }) => [JSON.stringify(labels ?? {}), labels]));
    const names = [...selectors]
      .filter(([, selector]) => [...labelSets.values()].some((labels) => selector.matches(labels)))
      .map(([name]) => name);
    return names.sort().slice(0, limit);
  }

  get size(): number {
    let size = 0;
    for (const selectors of this.namespaces.values()) size += selectors.size;
    return size;
  }
}
