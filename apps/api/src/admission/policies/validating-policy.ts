import { type CelAuthorizer, cel } from '#cel';
import type { ValidatingAdmissionPolicy, Validation } from '#kinds';
import { type CompiledExpression, compileExpression } from '../compiled-expression.js';
import { CompiledPolicy } from './compiled-policy.js';
import { OutOfBudget } from './cost-budget.js';
import type { EvaluationLimits } from './evaluation-limits.js';
import { POLICY_BUDGET, type PolicyEvaluation, type PolicyInputs } from './policy-evaluation.js';

const MAX_MESSAGE_BYTES = 5 * 1024;

interface Failed {
  readonly message: string;
  /** Milliseconds that the expression took. */
  readonly ms: number;
}

/** What a policy says to one request with one set of parameters. */
export interface Verdict {
  /** By the position of the validation. */
  readonly failures: readonly (Failed & { readonly index: number; readonly reason?: string })[];
  /** Errors that the failure policy lets pass. */
  readonly ignored: readonly Failed[];
  /** For the audit log. */
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** Annotations that have no value although the failure policy wants one: they deny the request. */
  readonly annotationErrors: readonly string[];
}

const NOTHING: Verdict = { failures: [], ignored: [], annotations: [], annotationErrors: [] };

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
      return {
        ...(await this.validate(inputs, authorizer, limits)),
        ...(await this.annotate(inputs, authorizer, limits)),
      };
    } catch (error) {
      if (error instanceof OutOfBudget) return this.failure(error.message);
      throw error;
    }
  }

  /** An error of the policy as a whole. */
  private failure(message: string): Verdict {
    if (this.failsClosed) return { ...NOTHING, failures: [{ index: 0, message, ms: 0 }] };
    return { ...NOTHING, ignored: [{ message, ms: 0 }] };
  }

  private async validate(
    inputs: PolicyInputs,
    authorizer: CelAuthorizer,
    { budget, time }: EvaluationLimits,
  ): Promise<Pick<Verdict, 'failures' | 'ignored'>> {
    const evaluation = this.evaluation(inputs, budget.part(POLICY_BUDGET), authorizer);
    const results: { result: ReturnType<PolicyEvaluation['evaluate']>; ms: number }[] = [];
    for (const { check } of this.validations) {
      const begun = performance.now();
      const result = evaluation.evaluate(check);
      results.push({ result, ms: performance.now() - begun });
      const pause = time.pause();
      if (pause) await pause;
    }
    const messages = this.evaluation(inputs, evaluation.budget, undefined);
    const found = { failures: [] as Verdict['failures'][number][], ignored: [] as Failed[] };
    for (const [index, { result, ms }] of results.entries()) {
      if (result instanceof Error) {
        const { message } = result;
        if (this.failsClosed) found.failures.push({ index, message, ms });
        else found.ignored.push({ message, ms });
      } else if (result.value !== true) {
        const { source, message } = this.validations[index]!;
        const told = messageOf(source, message, messages);
        found.failures.push({ index, message: told, ms, reason: source.reason ?? 'Invalid' });
      }
    }
    return found;
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
