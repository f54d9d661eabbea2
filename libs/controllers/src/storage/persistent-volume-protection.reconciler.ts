import { gvr, type PersistentVolume } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { needsProtection, type Protection, protect } from './protection-finalizer.js';

const PROTECTION: Protection = { resource: gvr.persistentvolumes, finalizer: 'kubernetes.io/pv-protection' };

/** Keeps a PersistentVolume that is to be deleted for as long as it is bound to a claim. */
export function persistentVolumeProtection(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'pv-protection-controller');
  const { client, informers } = runtime;
  const volumes = informers.for<PersistentVolume>(gvr.persistentvolumes);
  return controller('persistentvolume-protection-controller', runtime)
    .for<PersistentVolume>(gvr.persistentvolumes, { when: (volume) => needsProtection(volume, PROTECTION) })
    .reconcile(async (key) => {
      const volume = volumes.getByKey(key);
      if (volume) await protect(client, PROTECTION, volume, () => volume.status?.phase === 'Bound');
      return undefined;
    });
}
