import type { KubeObject, LabelSelector } from '#apimachinery';
import type { EventRecorder, Informer } from '#client';
import type { ObjectMeta } from '#kinds';
import { type SelectorOf, selecting } from '../indexes.js';

/** A workload with a selector and a template. */
type Workload = KubeObject & { spec: { template?: { metadata?: ObjectMeta } } };

/**
 * Warns of selectors that cannot be meant: one that chooses all pods, in the reference's words, and one that chooses the pods of
 * another workload of its kind, so that either may adopt what the other has lost. Once for each change of a spec.
 */
export class SelectorWarnings<T extends Workload> {
  /** By uid, the generation that was looked at. */
  private readonly told = new Map<string, number>();

  constructor(
    private readonly recorder: EventRecorder,
    private readonly workloads: Informer<T>,
    private readonly selectorOf: SelectorOf<T>,
    /** As in `This deployment is selecting all pods`. */
    private readonly noun: string,
  ) {}

  /** True when the workload selects everything: then it is left alone. */
  check(workload: T): boolean {
    const { uid = '', generation = 0 } = workload.metadata;
    const all = selectsAll(this.selectorOf(workload));
    if (this.told.get(uid) === generation) return all;
    this.told.set(uid, generation);
    if (all) {
      const message = `This ${this.noun} is selecting all pods. A non-empty selector is required.`;
      this.recorder.event(workload, 'Warning', 'SelectingAll', message);
      return true;
    }
    const others = this.overlapping(workload);
    if (others.length > 0) {
      const message = `The selectors of these ${this.noun}s choose pods of this one, too: ${others.join(', ')}`;
      this.recorder.event(workload, 'Warning', 'SelectorOverlap', message);
    }
    return false;
  }

  forget(workload: T): void {
    this.told.delete(workload.metadata.uid!);
  }

  private overlapping(workload: T): string[] {
    const { namespace, uid } = workload.metadata;
    const pod = { metadata: { namespace, labels: workload.spec.template?.metadata?.labels } } as KubeObject;
    const others = selecting(this.workloads, this.selectorOf, pod).filter(({ metadata }) => metadata.uid !== uid);
    return others.map(({ metadata }) => metadata.name!).sort();
  }
}

function selectsAll(selector: LabelSelector | undefined): boolean {
  if (!selector) return false;
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}
