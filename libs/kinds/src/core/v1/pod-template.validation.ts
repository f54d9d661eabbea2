import type { PodTemplate, PodTemplateSpec } from '../../generated/types.js';
import { validateAnnotations } from '../../meta/object-meta.validation.js';
import type { KindValidator } from '../../registry/kind-strategy.js';
import { FieldCursor } from '../../validation/field-cursor.js';
import { checkPodAnnotations, checkProfileAnnotations } from './pod-annotations.validation.js';
import { leniencyOf } from './pod-leniency.js';
import { checkLabels } from './pod-scheduling.validation.js';
import { checkPodSpec, withContainers } from './pod-spec.validation.js';
import { type Leniency, strict } from './pod-validation-context.js';

/** A template of pods, under `name`. */
export function checkPodTemplate(at: FieldCursor, name: string, template: PodTemplateSpec, lenient: Leniency): void {
  const { metadata } = template;
  // Defaults make a spec of what lacks one.
  const spec = withContainers(template.spec ?? { containers: [] });
  at.enter(name);
  checkLabels(at, 'labels', metadata?.labels);
  checkTemplateAnnotations(at, template);
  at.enter('spec');
  checkPodSpec(at, spec, undefined, lenient);
  checkProfileAnnotations(at, metadata, spec);
  if ((spec.ephemeralContainers?.length ?? 0) > 0) {
    at.forbidden('ephemeralContainers', 'ephemeral containers not allowed in pod template');
  }
  at.leave(2);
}

/** With the cursor in the template. */
export function checkTemplateAnnotations(at: FieldCursor, { metadata, spec }: PodTemplateSpec): void {
  const annotations = metadata?.annotations;
  if (annotations === undefined) return;
  at.enter('annotations');
  at.add(validateAnnotations(annotations, at.path()));
  checkPodAnnotations(at, annotations, spec ?? { containers: [] });
  at.leave();
}

/**
 * Runs a check whose rules an update of `old` may break where the stored template breaks them already. Most objects
 * break none, so what the old one broke is only looked at after an error.
 */
export function withLeniency(old: PodTemplateSpec | undefined, check: (lenient: Leniency) => FieldCursor): FieldCursor {
  const result = check(strict);
  if (result.errors.length === 0 || old?.spec === undefined) return result;
  const lenient = leniencyOf(old.spec);
  return Object.values(lenient).includes(true) ? check(lenient) : result;
}

function check(object: PodTemplate, old: PodTemplate | undefined): FieldCursor['errors'] {
  return withLeniency(old?.template, (lenient) => {
    const at = new FieldCursor();
    checkPodTemplate(at, 'template', object.template ?? {}, lenient);
    return at;
  }).errors;
}

export const podTemplateValidator: KindValidator = {
  rules: [],
  validateCreate: (object: PodTemplate) => check(object, undefined),
  validateUpdate: (object: PodTemplate, old: PodTemplate) => check(object, old),
};
