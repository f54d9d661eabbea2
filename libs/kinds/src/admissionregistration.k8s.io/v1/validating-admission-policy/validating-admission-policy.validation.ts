import { isQualifiedName, semanticEqual } from '#apimachinery';
import { cel } from '#cel';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { AuditAnnotation, ValidatingAdmissionPolicy, Validation } from '../../../generated/types.js';
import { checkConditions } from '../../../validation/conditions.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';
import { checkMatchConditions, checkPolicyHead, checkVariables } from '../policy.validation.js';
import { PolicyExpressions } from '../policy-expressions.js';
import { checkReservedName, reservedNameRule } from '../reserved-name.validation.js';

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const MAX_AUDIT_ANNOTATIONS = 20;
const MAX_VALUE_EXPRESSION_BYTES = 5 * 1024;
const nothing = 'validations or auditAnnotations must contain at least one item';

export const validatingAdmissionPolicyValidator: KindValidator = {
  rules: [
    reservedNameRule,
    'failurePolicy is required, one of Fail, Ignore',
    'paramKind: an apiVersion with a version, and a kind',
    'matchConstraints are required, with matchPolicy, both selectors and at least one resource rule',
    'matchConditions: at most 64, with unique names and an expression',
    'variables: a CEL identifier and an expression',
    'validations or auditAnnotations are required',
    'validations: an expression; messages have text and no line breaks; reason is one of Forbidden, Invalid, RequestEntityTooLarge',
    'auditAnnotations: at most 20, unique keys, a value expression of at most 5120 bytes',
    'expressions compile, and give the type that they are for',
    { rule: 'the writer may read the parameters', enforcedBy: 'admission parameter check' },
    'status: conditions are well-formed, warnings have a text and a field reference',
  ],
  validateCreate(policy: ValidatingAdmissionPolicy) {
    const at = new FieldCursor();
    checkReservedName(at, policy.metadata);
    return [...check(policy), ...at.all()];
  },
  validateUpdate(policy: ValidatingAdmissionPolicy, old: ValidatingAdmissionPolicy, { subresource }) {
    if (subresource === 'status') return statusErrors(policy);
    const { paramKind, matchConditions } = policy.spec;
    const isKnown =
      semanticEqual(paramKind, old.spec.paramKind) && semanticEqual(matchConditions, old.spec.matchConditions);
    return check(policy, old, isKnown);
  },
};

function check(
  { metadata, spec }: ValidatingAdmissionPolicy,
  old?: ValidatingAdmissionPolicy,
  knownConditions = false,
) {
  const at = new FieldCursor('spec');
  const expressions = new PolicyExpressions(spec.paramKind !== undefined, expressionsOf(old));
  const { validations = [], auditAnnotations = [] } = spec;
  checkPolicyHead(at, spec);
  if (!knownConditions) checkMatchConditions(at, spec.matchConditions, expressions);
  checkVariables(at, spec.variables, expressions);
  if (validations.length === 0 && auditAnnotations.length === 0) {
    at.required('validations', nothing);
    at.required('auditAnnotations', nothing);
    return at.all();
  }
  at.each('validations', validations, (validation) => checkValidation(at, validation, expressions));
  checkAnnotations(at, metadata.name ?? '', auditAnnotations, expressions);
  return at.all();
}

/** The expressions that a policy had. */
function expressionsOf(policy: ValidatingAdmissionPolicy | undefined): Set<string> {
  const { variables = [], validations = [], auditAnnotations = [], matchConditions = [] } = policy?.spec ?? {};
  return new Set([
    ...[...variables, ...validations, ...matchConditions].map(({ expression = '' }) => expression),
    ...validations.map(({ messageExpression = '' }) => messageExpression),
    ...auditAnnotations.map(({ valueExpression = '' }) => valueExpression),
  ]);
}

function checkValidation(at: FieldCursor, validation: Validation, expressions: PolicyExpressions): void {
  const { expression = '', messageExpression = '', message = '', reason } = validation;
  const blank = 'must be non-empty if specified';
  if (expression.trim() === '') at.required('expression', 'expression is not specified');
  else expressions.check(at, 'expression', expression, cel.bool);
  if (messageExpression !== '' && messageExpression.trim() === '') {
    at.invalid('messageExpression', messageExpression, blank);
  } else if (messageExpression !== '') {
    expressions.check(at, 'messageExpression', messageExpression, cel.string, { authorizer: false });
  }
  if (message !== '' && message.trim() === '') at.invalid('message', message, blank);
  else if (/[\n\r]/.test(message.trim())) at.invalid('message', message, 'must not contain line breaks');
  at.optionalChoice('reason', reason, reasons);
}

function checkAnnotations(
  at: FieldCursor,
  policy: string,
  annotations: readonly AuditAnnotation[],
  expressions: PolicyExpressions,
): void {
  if (annotations.length > MAX_AUDIT_ANNOTATIONS) {
    const shown = annotations.map((annotation) => goStruct('Key ValueExpression', annotation));
    at.invalid('auditAnnotations', shown, `must not have more than ${MAX_AUDIT_ANNOTATIONS} auditAnnotations`);
  }
  const seen = new Set<string>();
  at.each('auditAnnotations', annotations, ({ key = '', valueExpression = '' }) => {
    if (policy === '') at.invalid('key', key, 'requires metadata.name be non-empty');
    else at.format('key', `${policy}/${key}`, isQualifiedName);
    const expression = valueExpression.trim();
    if (expression === '') at.required('valueExpression', 'valueExpression is not specified');
    else if (Buffer.byteLength(expression) > MAX_VALUE_EXPRESSION_BYTES) {
      at.required('valueExpression', `must not exceed ${MAX_VALUE_EXPRESSION_BYTES} bytes in length`);
    } else expressions.check(at, 'valueExpression', valueExpression, [cel.string, cel.nullType]);
    if (seen.has(key)) at.duplicate('key', key);
    seen.add(key);
  });
}

function statusErrors({ status }: ValidatingAdmissionPolicy) {
  const at = new FieldCursor('status');
  at.within('typeChecking', () => {
    at.each('expressionWarnings', status?.typeChecking?.expressionWarnings, ({ warning, fieldRef }) => {
      if (!warning) at.required('warning');
      if (!fieldRef?.trim()) at.required('fieldRef');
    });
  });
  checkConditions(at, status?.conditions);
  return at.all();
}
