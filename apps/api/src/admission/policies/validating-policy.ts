import { type CelAuthorizer, cel } from '#cel';
import type { ValidatingAdmissionPolicy, Validation } from '#kinds';
import { type CompiledExpression, compileExpression } from '../compiled-expression.js';
import { CompiledPolicy } from './compiled-policy.js';
import { OutOfBudget } from './cost-budget.js';
import type { EvaluationLimits } from './evaluation-limits.js';
import { POLICY_BUDGET, type PolicyEvaluation, type PolicyInputs } from './policy-evaluation.js';

const MAX_MESSAGE_BYTES = 5 * 1024;

/** What a policy says to one request with one set of parameters. */
export interface Verdict {
  /** By the position of the validation. */
  readonly failures: readonly { readonly index: number; readonly message: string; readonly reason?: string }[];
  /** For the audit log. */
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** Annotations that have no value although the failure policy wants one: they deny the request. */
  readonly annotationErrors: readonly string[];
}

const NOTHING: Verdict = { failures: [], annotations: [], annotationErrors: [] };

interface CompiledValidation {
  readonly check: CompiledExpression;
  readonly message: CompiledExpression | undefined;
  readonly source: Validation;
}

/** A ValidatingAdmissionPolicy with its expressions compiled. */
export class ValidatingPolicy extends CompiledPolicy {
  private readonly validations: readonly CompiledValidation[];
  private readonly annotations: readonly { readonly key: string; readonly value: CompiledExpression }[];

  constructor(policy: ValidatingAdmissionPolicy) {
    super(policy);
    const { spec } = policy;
    const { environment } = this.environment;
    const forMessages = { ...environment, authorizer: false };
    this.validations = (spec.validations ?? []).map((source) => ({
      source,
      check: compileExpression(source.expression ?? '', environment, cel.bool),
      message: source.messageExpression
        ? compileExpression(source.messageExpression, forMessages, cel.string)
        : undefined,
    }));
    this.annotations = (spec.auditAnnotations ?? []).map(({ key = '', valueExpression = '' }) => ({
      key,
      value: compileExpression(valueExpression, environment, [cel.string, cel.nullType]),
    }));
  }

  async evaluate(inputs: PolicyInputs, authorizer: CelAuthorizer, limits: EvaluationLimits): Promise<Verdict> {
    const holds = await this.applies(inputs, authorizer, limits);
    if (holds instanceof Error) return this.failure(holds.message);
    if (!holds) return NOTHING;
    try {
      const failures = await this.validate(inputs, authorizer, limits);
      return { failures, ...(await this.annotate(inputs, authorizer, limits)) };
    } catch (error) {
      if (error instanceof OutOfBudget) return this.failure(error.message);
      throw error;
    }
  }

  /** An error of the policy as a whole. */
  private failure(message: string): Verdict {
    return this.failsClosed ? { ...NOTHING, failures: [{ index: 0, message }] } : NOTHING;
  }

  private async validate(
    inputs: PolicyInputs,
    authorizer: CelAuthorizer,
    { budget, time }: EvaluationLimits,
  ): Promise<Verdict['failures']> {
    const evaluation = this.evaluation(inputs, budget.part(POLICY_BUDGET), authorizer);
    const results: ReturnType<PolicyEvaluation['evaluate']>[] = [];
    for (const { check } of this.validations) {
      results.push(evaluation.evaluate(check));
      const pause = time.pause();
      if (pause) await pause;
    }
    const messages = this.evaluation(inputs, evaluation.budget, undefined);
    return results.flatMap((result, index) => {
      if (result instanceof Error) return this.failsClosed ? [{ index, message: result.message }] : [];
      if (result.value === true) return [];
      const { source, message } = this.validations[index]!;
      return [{ index, message: messageOf(source, message, messages), reason: source.reason ?? 'Invalid' }];
    });
  }

  private async annotate(
    inputs: PolicyInputs,
    authorizer: CelAuthorizer,
    { budget, time }: EvaluationLimits,
  ): Promise<Pick<Verdict, 'annotations' | 'annotationErrors'>> {
    const evaluation = this.evaluation(inputs, budget.part(POLICY_BUDGET), authorizer);
    const annotations: { key: string; value: string }[] = [];
    const annotationErrors: string[] = [];
    for (const { key, value } of this.annotations) {
      const result = evaluation.evaluate(value);
      const pause = time.pause();
      if (pause) await pause;
      if (result instanceof Error) {
        if (this.failsClosed) annotationErrors.push(result.message);
        continue;
      }
      const text = typeof result.value === 'string' ? result.value.trim() : '';
      if (text !== '') annotations.push({ key, value: text });
    }
    return { annotations, annotationErrors };
  }
}

/** Of the message expression, if it gives one line that is not too long; else the message; else the expression. */
function messageOf(
  { expression = '', message = '' }: Validation,
  computed: CompiledExpression | undefined,
  evaluation: PolicyEvaluation,
): string {
  const result = computed && evaluation.evaluate(computed);
  const text = result === undefined || result instanceof Error ? '' : String(result.value).trim();
  if (text !== '' && Buffer.byteLength(text) <= MAX_MESSAGE_BYTES && !text.includes('\n')) return text;
  return message.trim() || `failed expression: ${expression.trim()}`;
}
