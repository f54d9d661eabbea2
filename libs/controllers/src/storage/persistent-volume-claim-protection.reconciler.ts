import { formatTime } from '#apimachinery';
import { claimKeysOf, claimNameOf, foreignClaim, gvr, type PersistentVolumeClaim, type Pod, type Volume } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { isPodFinished, podInformer } from '../workload/pods.js';
import { type Protection, protect } from './protection-finalizer.js';

const PROTECTION: Protection = { resource: gvr.persistentvolumeclaims, finalizer: 'kubernetes.io/pvc-protection' };
const BY_CLAIM = 'persistentVolumeClaim';
const UNUSED = 'Unused';

/**
 * Keeps a PersistentVolumeClaim that is to be deleted for as long as a pod on a node mounts it, and says in the status
 * of a bound one whether any pod refers to it.
 */
export function persistentVolumeClaimProtection(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'pvc-protection-controller');
  const { client, informers, clock } = runtime;
  const claims = informers.for<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
  const pods = podInformer(informers);
  pods.addIndex(BY_CLAIM, claimKeysOf);
  return controller('persistentvolumeclaim-protection-controller', runtime)
    .for<PersistentVolumeClaim>(gvr.persistentvolumeclaims)
    .watches<Pod>(gvr.pods, {
      add: claimKeysOf,
      update(old, pod) {
        if (old.metadata.uid !== pod.metadata.uid) return [...claimKeysOf(old), ...claimKeysOf(pod)];
        return state(old) === state(pod) ? undefined : claimKeysOf(pod);
      },
      delete: claimKeysOf,
    })
    .reconcile(async (key) => {
      const claim = claims.getByKey(key);
      if (!claim) return undefined;
      const condition = unusedCondition(claim, pods.byIndex(BY_CLAIM, key), clock.now());
      if (condition) {
        const others = (claim.status?.conditions ?? []).filter(({ type }) => type !== UNUSED);
        const status = { ...claim.status, conditions: [...others, condition] };
        await client.update(gvr.persistentvolumeclaims, claim.metadata.namespace!, { ...claim, status }, STATUS);
        // The write comes back as an event, and so does this claim.
        return undefined;
      }
      const mounts = (pod: Pod) => mountsClaim(pod, claim);
      await protect(client, PROTECTION, claim, async () => {
        if (pods.byIndex(BY_CLAIM, key).some(mounts)) return true;
        // A pod that has just been bound may not have arrived here yet: the server has the last word.
        return (await client.list<Pod>(gvr.pods, { namespace: claim.metadata.namespace! })).items.some(mounts);
      });
      return undefined;
    });
}

const STATUS = { subresource: 'status' };

/** What of a pod counts here: a change in anything else wakes nobody. */
function state(pod: Pod): string {
  return `${pod.spec.nodeName}/${isPodFinished(pod)}/${isShutDown(pod)}`;
}

/** An ephemeral volume's claim must be the pod's own: one of the same name may be somebody else's. */
function refersTo(pod: Pod, volume: Volume, claim: PersistentVolumeClaim): boolean {
  if (claimNameOf(pod, volume) !== claim.metadata.name) return false;
  if (!volume.ephemeral) return true;
  return foreignClaim(pod, claim) === undefined;
}

function isShutDown({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}

/** Exported for its table: even a finished pod may still have its volume mounted. */
export function mountsClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (!pod.spec.nodeName) return false;
  return (pod.spec.volumes ?? []).some(
    (volume) => refersTo(pod, volume, claim) && !(volume.ephemeral && isShutDown(pod)),
  );
}

/** The `Unused` condition that a bound claim should get; undefined when what it has is right. */
export function unusedCondition(claim: PersistentVolumeClaim, pods: readonly Pod[], now: number) {
  if (claim.metadata.deletionTimestamp !== undefined || claim.status?.phase !== 'Bound') return undefined;
  const used = pods.some(
    (pod) => !isPodFinished(pod) && (pod.spec.volumes ?? []).some((volume) => refersTo(pod, volume, claim)),
  );
  const status = used ? 'False' : 'True';
  if (claim.status.conditions?.find(({ type }) => type === UNUSED)?.status === status) return undefined;
  return {
    type: UNUSED,
    status,
    lastTransitionTime: formatTime(new Date(now)),
    reason: used ? 'PodUsingPVC' : 'NoPodsUsingPVC',
    message: used ? 'A pod is currently referencing this PVC' : 'No pods are currently referencing this PVC',
  };
}
