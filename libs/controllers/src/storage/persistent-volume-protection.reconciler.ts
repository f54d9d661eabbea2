import { ControlLoop, objectKey } from '#client';
import { gvr, type PersistentVolume } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { isDeletionCandidate, isUnprotected, type Protection, protect } from './protection-finalizer.js';

const PROTECTION: Protection = { resource: gvr.persistentvolumes, finalizer: 'kubernetes.io/pv-protection' };

/** Keeps a PersistentVolume that is to be deleted for as long as it is bound to a claim. */
export function persistentVolumeProtection(context: ControllerContext): Controller {
  const { client, informers, clock, logger } = runtimeFor(context, 'pv-protection-controller');
  const name = 'persistentvolume-protection-controller';
  const volumes = informers.for<PersistentVolume>(gvr.persistentvolumes);

  const loop = new ControlLoop({
    name,
    clock,
    logger,
    async reconcile(key) {
      const volume = volumes.getByKey(key);
      if (volume) await protect(client, PROTECTION, volume, () => volume.status?.phase === 'Bound');
      return undefined;
    },
  });
  const consider = (volume: PersistentVolume) => {
    if (isUnprotected(volume, PROTECTION) || isDeletionCandidate(volume, PROTECTION)) loop.add(objectKey(volume));
  };
  volumes.addHandler({ add: consider, update: (_old, volume) => consider(volume) });
  return {
    name,
    async run(signal) {
      await volumes.whenSynced(signal);
      await loop.run(signal);
    },
  };
}
