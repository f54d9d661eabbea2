import { appendAll, decodeJson, type FieldError, FieldPath, field, JsonSyntaxError } from '#apimachinery';
import type { Node, Taint } from '../../../generated/types.js';
import { taintErrors } from './node-taints.validation.js';

/** Annotations from before there were fields. Nobody obeys them any more, and they are checked all the same. */

const root = FieldPath.of('metadata', 'annotations');
const taintsKey = 'scheduler.alpha.kubernetes.io/taints';
const avoidPodsKey = 'scheduler.alpha.kubernetes.io/preferAvoidPods';

export function nodeAnnotationErrors({ metadata: { annotations = {} } }: Node): FieldError[] {
  const errors: FieldError[] = [];
  if (annotations[taintsKey]) {
    try {
      const taints = listOf(decodeJson(Buffer.from(annotations[taintsKey]), false).value);
      appendAll(errors, taintErrors(taints as Taint[], root.child(taintsKey)));
    } catch (error) {
      errors.push(field.invalid(root, taintsKey, syntaxProblem(error)));
    }
  }
  if (annotations[avoidPodsKey]) {
    try {
      const { value } = decodeJson(Buffer.from(annotations[avoidPodsKey]), false);
      const avoids = listOf((value as { preferAvoidPods?: unknown } | null)?.preferAvoidPods);
      appendAll(
        errors,
        avoids.flatMap((entry, i) => avoidedErrors(entry, root.child(avoidPodsKey).index(i))),
      );
    } catch (error) {
      errors.push(field.invalid(root.child('AvoidPods'), avoidPodsKey, syntaxProblem(error)));
    }
  }
  return errors;
}

function listOf(value: unknown): any[] {
  return Array.isArray(value) ? value : [];
}

function syntaxProblem(error: unknown): string {
  if (!(error instanceof JsonSyntaxError)) throw error;
  return error.message;
}

function avoidedErrors(entry: any, path: FieldPath): FieldError[] {
  const at = path.child('PodSignature');
  const controller = entry?.podSignature?.podController;
  if (!controller) return [field.required(at)];
  if (controller.controller === true) return [];
  return [field.invalid(at.child('PodController', 'Controller'), false, 'must point to a controller')];
}
