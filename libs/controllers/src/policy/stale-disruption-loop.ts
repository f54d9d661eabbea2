import { formatTime } from '#apimachinery';
import type { Requeue } from '#client';
import { gvr, type Pod } from '#kinds';
import type { Controller, ControllerRuntime } from '../context.js';
import { controller } from '../controller.js';
import { podInformer } from '../workload/pods.js';
import { staleDisruptionIn } from './disruption.plan.js';

/** Takes back a pod's word that it is about to be disrupted, when it is still there long after. */
export function staleDisruptionController(runtime: ControllerRuntime): Controller {
  const { client, clock, informers } = runtime;
  const pods = podInformer(informers);

  async function reconcile(key: string): Promise<Requeue | undefined> {
    const pod = pods.getByKey(key);
    const left = pod && staleDisruptionIn(pod, clock.now());
    if (left === undefined) return undefined;
    if (left > 0) return { requeueAfter: left };
    const lastTransitionTime = formatTime(new Date(clock.now()));
    const conditions = pod!.status!.conditions!.map((condition) => {
      if (condition.type !== 'DisruptionTarget') return condition;
      const { reason: _reason, message: _message, ...kept } = condition;
      return { ...kept, status: 'False', lastTransitionTime };
    });
    const changed = { ...pod!, status: { ...pod!.status, conditions } };
    await client.update(gvr.pods, pod!.metadata.namespace!, changed, { subresource: 'status' });
    return undefined;
  }

  return controller('stale-pod-disruption', runtime)
    .for<Pod>(gvr.pods, { when: (pod) => staleDisruptionIn(pod, clock.now()) !== undefined })
    .workers(1)
    .reconcile(reconcile);
}
