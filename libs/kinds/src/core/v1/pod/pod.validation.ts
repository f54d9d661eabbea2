import type { FieldError } from '#apimachinery';
import type { WriteContext } from '../../../contract/definition.js';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { Pod } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { podRules } from './pod.rules.js';
import { checkPodAnnotations, checkProfileAnnotations } from './pod-annotations.validation.js';
import { checkImages } from './pod-containers.validation.js';
import { MIRROR_POD_ANNOTATION } from './pod-references.js';
import { checkResize } from './pod-resize.validation.js';
import { checkPodSpec, withContainers } from './pod-spec.validation.js';
import { checkPodStatus } from './pod-status.validation.js';
import { withLeniency } from './pod-template.validation.js';
import { checkAnnotationChanges, checkEphemeralChanges, checkSpecChanges } from './pod-update.validation.js';
import { type Leniency, strict } from './pod-validation-context.js';

export const podValidator: KindValidator = {
  rules: podRules,
  validateCreate(pod: Pod) {
    const at = new FieldCursor();
    checkPod(at, pod, strict);
    at.enter('spec');
    if ((pod.spec.ephemeralContainers?.length ?? 0) > 0) at.forbidden('ephemeralContainers', 'cannot be set on create');
    if (pod.spec.nodeName && (pod.spec.schedulingGates?.length ?? 0) > 0) {
      at.forbidden('nodeName', 'cannot be set until all schedulingGates have been cleared');
    }
    checkProfileAnnotations(at, pod.metadata, pod.spec);
    return at.errors;
  },

  validateUpdate(given: Pod, old: Pod, { subresource }: WriteContext) {
    const pod = given.spec.containers ? given : { ...given, spec: withContainers(given.spec) };
    switch (subresource) {
      case 'status':
        return statusErrors(pod, old);
      case 'ephemeralcontainers':
        return ephemeralContainerErrors(pod, old);
      case 'resize':
        return resizeErrors(pod, old);
      default:
        return updateErrors(pod, old);
    }
  },
};

function checkPod(at: FieldCursor, pod: Pod, lenient: Leniency): void {
  const { metadata, spec } = pod;
  if (metadata.annotations !== undefined) {
    at.enter('metadata');
    at.enter('annotations');
    checkPodAnnotations(at, metadata.annotations, spec);
    at.leave(2);
  }
  at.enter('spec');
  checkPodSpec(at, spec, metadata, lenient);
  if (!spec.serviceAccountName) checkNoTokens(at, pod);
  at.notNegative('terminationGracePeriodSeconds', spec.terminationGracePeriodSeconds);
  checkImages(at, 'containers', spec.containers ?? []);
  if (spec.initContainers !== undefined) checkImages(at, 'initContainers', spec.initContainers);
  at.leave();
}

/** A pod without account has no tokens. */
function checkNoTokens(at: FieldCursor, { spec }: Pod): void {
  spec.volumes?.forEach(({ projected }, v) => {
    projected?.sources?.forEach(({ serviceAccountToken }, s) => {
      if (serviceAccountToken === undefined) return;
      const path = `volumes[${v}].projected.sources[${s}].serviceAccountToken`;
      at.forbidden(path, 'must not be specified when serviceAccountName is not set');
    });
  });
}

/** The whole pod again, as a create would check it, less what the old one is forgiven. */
function recheck(pod: Pod, old: Pod): FieldCursor {
  return withLeniency(old, (lenient) => {
    const at = new FieldCursor();
    checkPod(at, pod, lenient);
    return at;
  });
}

function updateErrors(pod: Pod, old: Pod): FieldError[] {
  const at = recheck(pod, old);
  annotationErrors(at, pod, old);
  at.enter('spec');
  checkSpecChanges(at, pod.spec, old.spec);
  return at.errors;
}

function annotationErrors(at: FieldCursor, pod: Pod, old: Pod): void {
  at.enter('metadata');
  at.enter('annotations');
  checkAnnotationChanges(at, pod, old);
  at.leave(2);
}

function statusErrors(pod: Pod, old: Pod): FieldError[] {
  const at = new FieldCursor();
  annotationErrors(at, pod, old);
  if (pod.metadata.annotations !== undefined) {
    at.enter('metadata');
    at.enter('annotations');
    checkPodAnnotations(at, pod.metadata.annotations, pod.spec);
    at.leave(2);
  }
  at.enter('status');
  checkPodStatus(at, pod, old);
  return at.errors;
}

function ephemeralContainerErrors(pod: Pod, old: Pod): FieldError[] {
  if (isMirror(old)) return [noField('static pods do not support ephemeral containers')];
  const at = recheck(pod, old);
  annotationErrors(at, pod, old);
  at.enter('spec');
  checkEphemeralChanges(at, pod.spec, old.spec);
  return at.errors;
}

function resizeErrors(pod: Pod, old: Pod): FieldError[] {
  if (isMirror(old)) return [noField('static pods cannot be resized')];
  if (old.spec.os?.name === 'windows') return [noField('windows pods cannot be resized')];
  const at = recheck(pod, old);
  at.enter('spec');
  checkResize(at, pod, old);
  return at.errors;
}

function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.[MIRROR_POD_ANNOTATION] !== undefined;
}

/** Upstream says these of the object as a whole. */
function noField(detail: string): FieldError {
  return { field: '[]', reason: 'FieldValueForbidden', message: `Forbidden: ${detail}` };
}
