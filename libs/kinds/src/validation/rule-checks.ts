import { bare, type FieldError, field, type KubeObject, labelSelectorMatcher } from '#apimachinery';

/** Rules in words of `validation.json` that more than one kind has, each with its check. */

type RuleCheck = (object: KubeObject) => FieldError[];

function selectorIsEmpty(selector: any): boolean {
  const labels = Object.keys(selector?.matchLabels ?? {}).length;
  return labels + (selector?.matchExpressions ?? []).length === 0;
}

/** The selector as a LabelSelector: a ReplicationController's is a plain map. */
function labelSelectorOf(kind: string, selector: any): any {
  return kind === 'ReplicationController' ? { matchLabels: selector } : selector;
}

const notEmpty: RuleCheck = ({ kind, spec }) => {
  if (spec?.selector === undefined || spec.selector === null) return [];
  if (!selectorIsEmpty(labelSelectorOf(kind, spec.selector))) return [];
  return [field.invalid('spec.selector', spec.selector, `empty selector is invalid for ${kind.toLowerCase()}`)];
};

const templateMatches: RuleCheck = ({ kind, spec }) => {
  const selector = spec?.selector;
  if (!selector || !spec.template) return [];
  const labels = spec.template.metadata?.labels ?? {};
  const wanted = labelSelectorOf(kind, selector);
  if (selectorIsEmpty(wanted)) return [];
  let matches: boolean;
  try {
    matches = labelSelectorMatcher(wanted).matches(labels);
  } catch {
    return [field.invalid('spec.selector', selector, 'invalid label selector')];
  }
  if (matches) return [];
  return [field.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
};

const restartsAlways: RuleCheck = ({ spec }) => {
  const policy = spec?.template?.spec?.restartPolicy;
  if (policy === undefined || policy === 'Always') return [];
  return [field.notSupported('spec.template.spec.restartPolicy', policy, ['Always'])];
};

const replicaOrder: RuleCheck = ({ spec }) => {
  if (spec?.minReplicas === undefined || spec.maxReplicas >= spec.minReplicas) return [];
  const text = 'must be greater than or equal to `minReplicas`';
  return [field.invalid('spec.maxReplicas', spec.maxReplicas, text)];
};

const checks = bare<RuleCheck>({
  'selector not empty': notEmpty,
  'selector required and not empty': notEmpty,
  'template labels must match selector (error at spec.template.metadata.labels)': templateMatches,
  'template restartPolicy must be Always; template activeDeadlineSeconds forbidden': restartsAlways,
  'maxReplicas at least minReplicas': replicaOrder,
});

/** The check of a rule; undefined for rules that need a kind's full validation. */
export function ruleChecks(rule: string): RuleCheck | undefined {
  return checks[rule];
}
