import { claimKeysOf, claimNameOf, foreignClaim, gvr, type PersistentVolumeClaim, type Pod, type Volume } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { podInformer } from '../workload/pods.js';

const BY_CLAIM = 'persistentVolumeClaim';

/** Makes the claims of generic ephemeral volumes. Their pods own them: garbage collection deletes them. */
export function ephemeralVolumeController(context: ControllerContext): Controller {
  const name = 'ephemeral-volume-controller';
  const runtime = runtimeFor(context, name);
  const { client, informers, metrics, recorder } = runtime;
  const pods = podInformer(informers);
  pods.addIndex(BY_CLAIM, claimKeysOf);
  const claims = informers.for<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
  const attempts = metrics
    .counter({
      name: 'ephemeral_volume_controller_create_total',
      help: 'Claims that were to be made for ephemeral volumes.',
    })
    .cell();
  const failures = metrics
    .counter({
      name: 'ephemeral_volume_controller_create_failures_total',
      help: 'Claims for ephemeral volumes that could not be made.',
    })
    .cell();
  const create = async (claim: PersistentVolumeClaim): Promise<void> => {
    attempts.value += 1;
    try {
      await client.create(gvr.persistentvolumeclaims, claim.metadata.namespace!, claim);
    } catch (error) {
      failures.value += 1;
      throw new Error(`create PVC ${claim.metadata.name}: ${(error as Error).message}`);
    }
  };
  return controller(name, runtime)
    .for<Pod>(gvr.pods, { when: (pod) => pod.spec.volumes?.some(({ ephemeral }) => ephemeral) ?? false })
    .watches<PersistentVolumeClaim>(gvr.persistentvolumeclaims, {
      delete: ({ metadata }) =>
        pods.byIndex(BY_CLAIM, `${metadata.namespace}/${metadata.name}`).map((pod) => podKey(pod)),
    })
    .reconcile(async (key) => {
      const pod = pods.getByKey(key);
      if (!pod || pod.metadata.deletionTimestamp !== undefined) return undefined;
      for (const volume of pod.spec.volumes ?? []) {
        if (!volume.ephemeral) continue;
        const known = claims.get(pod.metadata.namespace!, claimNameOf(pod, volume)!);
        try {
          const foreign = known && foreignClaim(pod, known);
          if (foreign) throw new Error(foreign);
          if (!known) await create(ephemeralClaim(pod, volume));
        } catch (error) {
          const message = `ephemeral volume ${volume.name}: ${(error as Error).message}`;
          recorder.event(pod, 'Warning', 'FailedBinding', message);
          throw new Error(`pod ${key}, ${message}`);
        }
      }
      return undefined;
    });
}

function podKey({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** The claim that an ephemeral volume of the pod has. */
export function ephemeralClaim(pod: Pod, volume: Volume): PersistentVolumeClaim {
  const { name, namespace, uid } = pod.metadata;
  const template = volume.ephemeral?.volumeClaimTemplate;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimNameOf(pod, volume),
      namespace,
      labels: template?.metadata?.labels,
      annotations: template?.metadata?.annotations,
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Pod', name: name!, uid: uid!, controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: template?.spec ?? {},
  };
}
