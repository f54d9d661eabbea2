import type { KubeObject } from '#apimachinery';
import { gvr, type PersistentVolume, type PersistentVolumeClaim, type VolumeAttributesClass } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller, type EventMap } from '../controller.js';
import { needsProtection, type Protection, protect } from './protection-finalizer.js';

const PROTECTION: Protection = {
  resource: gvr.volumeattributesclasses,
  finalizer: 'kubernetes.io/vac-protection',
};
const BY_CLASS = 'volumeAttributesClass';

/** Keeps a VolumeAttributesClass that is to be deleted for as long as a volume or a claim names it. */
export function volumeAttributesClassProtection(context: ControllerContext): Controller {
  const name = 'volumeattributesclass-protection-controller';
  const runtime = runtimeFor(context, name);
  const { client, informers } = runtime;
  const classes = informers.for<VolumeAttributesClass>(gvr.volumeattributesclasses);
  const volumes = informers.for<PersistentVolume>(gvr.persistentvolumes);
  const claims = informers.for<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
  volumes.addIndex(BY_CLASS, classesOfVolume);
  claims.addIndex(BY_CLASS, classesOfClaim);
  return controller(name, runtime)
    .for<VolumeAttributesClass>(gvr.volumeattributesclasses, { when: (found) => needsProtection(found, PROTECTION) })
    .watches<PersistentVolume>(gvr.persistentvolumes, whenLetGo(classesOfVolume))
    .watches<PersistentVolumeClaim>(gvr.persistentvolumeclaims, whenLetGo(classesOfClaim))
    .reconcile(async (key) => {
      const found = classes.getByKey(key);
      if (!found) return undefined;
      await protect(
        client,
        PROTECTION,
        found,
        () => volumes.byIndex(BY_CLASS, key).length > 0 || claims.byIndex(BY_CLASS, key).length > 0,
      );
      return undefined;
    });
}

/** A class is looked at when somebody lets go of it. */
function whenLetGo<T extends KubeObject>(classesOf: (object: T) => string[]): EventMap<T> {
  return {
    update(old, now) {
      const kept = new Set(classesOf(now));
      return classesOf(old).filter((key) => !kept.has(key));
    },
    delete: classesOf,
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
