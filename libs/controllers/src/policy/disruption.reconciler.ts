import { deepEqual, isConflict, type KubeObject } from '#apimachinery';
import { type Informer, objectKey, type Requeue } from '#client';
import { gvr, type Pod, type PodDisruptionBudget, type PodDisruptionBudgetStatus, withSyncFailure } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller, joined } from '../controller.js';
import { selectedBy, selecting } from '../indexes.js';
import { controllerOf } from '../workload/controller-ref.js';
import { OwnerScales } from '../workload/owner-scale.js';
import { podInformer } from '../workload/pods.js';
import { selectorText } from '../workload/selector-text.js';
import { disruptedPods, type ExpectedScale, needsScale, plannedStatus } from './disruption.plan.js';
import { staleDisruptionController } from './stale-disruption-loop.js';

/** Keeps the status of PodDisruptionBudgets, and resets the word of pods that they are about to be disrupted. */
export function disruptionController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'disruption-controller', 'controllermanager');
  const budgets = new DisruptionBudgets(runtime);
  const keeper = controller('disruption-controller', runtime)
    .for<PodDisruptionBudget>(gvr.poddisruptionbudgets)
    .watches<Pod>(gvr.pods, {
      add: (pod) => budgets.over(pod),
      update: (old, pod) => {
        const moved = deepEqual(old.metadata.labels, pod.metadata.labels) ? [] : budgets.keysOver(old);
        return [...moved, ...budgets.over(pod)];
      },
      delete: (pod) => budgets.keysOver(pod),
    })
    .reads(gvr.replicationcontrollers, gvr.replicasets, gvr.deployments, gvr.statefulsets)
    .reconcile((key) => budgets.reconcile(key));
  return joined(keeper, staleDisruptionController(runtime));
}

const selectorOf = (budget: PodDisruptionBudget) => budget.spec?.selector;

class DisruptionBudgets {
  private readonly budgets: Informer<PodDisruptionBudget>;
  private readonly pods: Informer<Pod>;
  private readonly scales: OwnerScales;

  constructor(private readonly runtime: ControllerRuntime) {
    this.budgets = runtime.informers.for<PodDisruptionBudget>(gvr.poddisruptionbudgets);
    this.pods = podInformer(runtime.informers);
    this.scales = new OwnerScales(runtime);
  }

  /** Keys of the budgets that select the pod. More than one is a fault that evictions stop at. */
  over(pod: Pod): string[] {
    const keys = this.keysOver(pod);
    if (keys.length > 1) {
      const { namespace, name } = pod.metadata;
      const chosen = keys[0]!.slice(keys[0]!.indexOf('/') + 1);
      const text = `Pod "${namespace}"/"${name}" matches multiple PodDisruptionBudgets.  Chose "${chosen}" arbitrarily.`;
      this.runtime.recorder.event(pod, 'Warning', 'MultiplePodDisruptionBudgets', text);
    }
    return keys;
  }

  keysOver(pod: Pod): string[] {
    return selecting(this.budgets, selectorOf, pod).map(objectKey);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const budget = this.budgets.getByKey(key);
    if (!budget) return undefined;
    try {
      return await this.sync(budget);
    } catch (error) {
      if (isConflict(error)) throw error;
      await this.fail(budget, (error as Error).message);
      return undefined;
    }
  }

  private async sync(budget: PodDisruptionBudget): Promise<Requeue | undefined> {
    const { clock, recorder } = this.runtime;
    const { namespace } = budget.metadata;
    const pods = selectedBy(this.pods, namespace!, selectorOf(budget));
    if (pods.length === 0) recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    const scale = needsScale(budget) ? await this.expectedScale(budget, pods) : undefined;
    if (scale && scale.unmanaged.length > 0) this.tellUnmanaged(budget);
    const now = clock.now();
    const disrupted = disruptedPods(budget, pods, now);
    for (const pod of disrupted.overdue) {
      // The reference names the namespace twice.
      const text = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`;
      recorder.event(pod, 'Warning', 'NotDeleted', text);
    }
    const status = plannedStatus(budget, pods, scale?.replicas ?? 0, disrupted.pods, now);
    if (status) await this.write(budget, status);
    // Overdue is what lies before now, not what is now.
    return disrupted.recheckAt === undefined ? undefined : { requeueAfter: disrupted.recheckAt - now + 1 };
  }

  private async expectedScale(budget: PodDisruptionBudget, pods: readonly Pod[]): Promise<ExpectedScale> {
    const unmanaged: string[] = [];
    const asked = new Set<string>();
    const scales = new Map<string, number>();
    try {
      for (const pod of pods) {
        const owner = controllerOf(pod);
        if (!owner) unmanaged.push(pod.metadata.name!);
        if (!owner || asked.has(owner.uid)) continue;
        asked.add(owner.uid);
        const scale = await this.scales.of(owner, pod.metadata.namespace!);
        if (!scale) throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
        scales.set(scale.uid, scale.replicas);
      }
    } catch (error) {
      const text = `Failed to calculate the number of expected pods: ${(error as Error).message}`;
      this.runtime.recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', text);
      throw error;
    }
    let replicas = 0;
    for (const count of scales.values()) replicas += count;
    return { replicas, unmanaged };
  }

  private tellUnmanaged(budget: PodDisruptionBudget): void {
    const text =
      `Pods selected by this PodDisruptionBudget (selector: ${selectorText(selectorOf(budget))}) were found to be unmanaged. ` +
      'As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. ' +
      'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.';
    this.runtime.recorder.event(budget, 'Warning', 'UnmanagedPods', text);
  }

  /** Whatever else failed: nothing may be evicted by counts that are not known. */
  private async fail(budget: PodDisruptionBudget, message: string): Promise<void> {
    const { clock, logger } = this.runtime;
    const status = withSyncFailure(budget.status ?? {}, message, new Date(clock.now()));
    if (deepEqual(budget.status, status)) return;
    logger.warn('a disruption budget could not be counted', { budget: objectKey(budget), message });
    await this.write(budget, status);
  }

  private async write(budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): Promise<void> {
    const changed: KubeObject = { ...budget, status };
    const { namespace } = budget.metadata;
    await this.runtime.client.update(gvr.poddisruptionbudgets, namespace!, changed, { subresource: 'status' });
  }
}
