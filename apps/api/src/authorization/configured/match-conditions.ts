import { aggregateMessages } from '#apimachinery';
import { type CelEnvironment, type CelProgram, cel, compileCel } from '#cel';
import type { ReviewSpec } from './access-review.js';

/** Units of cost of one evaluation: the reference's limit for a call. */
const COST_LIMIT = 1_000_000;

/** A message of a condition that has no value; it is a call's failure. */
export class ConditionError extends Error {}

const text = { type: cel.string, optional: true };
const texts = { type: cel.list(cel.string), optional: true };

const requirement = cel.object('kubernetes.SelectorRequirement', { key: text, operator: text, values: texts });
const selector = (kind: 'Field' | 'Label') => ({
  type: cel.object(`kubernetes.${kind}SelectorAttributes`, {
    rawSelector: text,
    requirements: { type: cel.list(requirement), optional: true },
  }),
  optional: true,
});

const ENVIRONMENT: CelEnvironment = {
  version: 'stored',
  variables: {
    request: {
      type: cel.object('kubernetes.SubjectAccessReviewSpec', {
        resourceAttributes: {
          type: cel.object('kubernetes.ResourceAttributes', {
            ...{ namespace: text, verb: text, group: text, version: text },
            ...{ resource: text, subresource: text, name: text },
            ...{ fieldSelector: selector('Field'), labelSelector: selector('Label') },
          }),
          optional: true,
        },
        nonResourceAttributes: {
          type: cel.object('kubernetes.NonResourceAttributes', { path: text, verb: text }),
          optional: true,
        },
        user: text,
        groups: texts,
        extra: { type: cel.map(cel.string, cel.list(cel.string)), optional: true },
        uid: text,
      }),
    },
  },
};

/** Throws an error in the reference's words. */
export function compileMatchCondition(expression: string): CelProgram {
  return compileCel(expression, ENVIRONMENT, cel.bool);
}

/** False as soon as one condition is; an Error where none is false and some have no value. */
export function matches(conditions: readonly CelProgram[], spec: ReviewSpec): boolean | ConditionError {
  const variables = { request: shown(spec) };
  const errors: string[] = [];
  for (const condition of conditions) {
    try {
      if (condition.evaluate(variables, { costLimit: COST_LIMIT }).value !== true) return false;
    } catch (error) {
      const { message } = error as Error;
      errors.push(`cel evaluation error: expression '${condition.source}' resulted in error: ${message}`);
    }
  }
  return errors.length === 0 ? true : new ConditionError(aggregateMessages(errors));
}

/** Texts and lists are there where they are empty, as expressions expect them. */
function shown({ user = '', uid = '', groups = [], extra = {}, resourceAttributes: of, ...rest }: ReviewSpec): object {
  const own = { user, uid, groups, extra, ...rest };
  if (of === undefined) return own;
  const empty = { namespace: '', verb: '', group: '', version: '', resource: '', subresource: '', name: '' };
  return { ...own, resourceAttributes: { ...empty, ...of } };
}
