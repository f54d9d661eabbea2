import { ControlLoop, type Informer, objectKey } from '#client';
import { gvr, type PersistentVolume, type PersistentVolumeClaim, type VolumeAttributesClass } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { isDeletionCandidate, isUnprotected, type Protection, protect } from './protection-finalizer.js';

const PROTECTION: Protection = {
  resource: gvr.volumeattributesclasses,
  finalizer: 'kubernetes.io/vac-protection',
};
const BY_CLASS = 'volumeAttributesClass';

/** Keeps a VolumeAttributesClass that is to be deleted for as long as a volume or a claim names it. */
export function volumeAttributesClassProtection(context: ControllerContext): Controller {
  const name = 'volumeattributesclass-protection-controller';
  const { client, informers, clock, logger } = runtimeFor(context, name);
  const classes = informers.for<VolumeAttributesClass>(gvr.volumeattributesclasses);
  const volumes = informers.for<PersistentVolume>(gvr.persistentvolumes);
  const claims = informers.for<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
  volumes.addIndex(BY_CLASS, classesOfVolume);
  claims.addIndex(BY_CLASS, classesOfClaim);

  const loop = new ControlLoop({
    name,
    clock,
    logger,
    async reconcile(key) {
      const found = classes.getByKey(key);
      if (!found) return undefined;
      await protect(
        client,
        PROTECTION,
        found,
        () => volumes.byIndex(BY_CLASS, key).length > 0 || claims.byIndex(BY_CLASS, key).length > 0,
      );
      return undefined;
    },
  });
  const consider = (found: VolumeAttributesClass) => {
    if (isUnprotected(found, PROTECTION) || isDeletionCandidate(found, PROTECTION)) loop.add(objectKey(found));
  };
  classes.addHandler({ add: consider, update: (_old, found) => consider(found) });
  /** A class is looked at when somebody lets go of it. */
  const follow = <T extends PersistentVolume | PersistentVolumeClaim>(
    informer: Informer<T>,
    classesOf: (object: T) => string[],
  ) =>
    informer.addHandler({
      update(old, now) {
        const kept = new Set(classesOf(now));
        for (const key of classesOf(old)) if (!kept.has(key)) loop.add(key);
      },
      delete(gone) {
        for (const key of classesOf(gone)) loop.add(key);
      },
    });
  follow(volumes, classesOfVolume);
  follow(claims, classesOfClaim);
  return {
    name,
    async run(signal) {
      await Promise.all([classes, volumes, claims].map((informer) => informer.whenSynced(signal)));
      await loop.run(signal);
    },
  };
}

function classesOfVolume(volume: PersistentVolume): string[] {
  return names(volume.spec.volumeAttributesClassName);
}

function classesOfClaim({ spec, status }: PersistentVolumeClaim): string[] {
  return names(
    spec.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  );
}

function names(...values: (string | undefined)[]): string[] {
  return [...new Set(values.filter((value): value is string => Boolean(value)))];
}
