import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { appendAll, type FieldError, field, fieldErrorText, formatDuration, isDNS1123Subdomain } from '#apimachinery';
import {
  type AuthorizationConfiguration,
  type AuthorizationWebhook,
  type AuthorizerConfiguration,
  nameOfMode,
} from './authorization-configuration.js';
import { compileMatchCondition } from './match-conditions.js';

/** ABAC is not among them: what it takes is a file of rules that nothing but a restart changes. */
export const AUTHORIZER_TYPES = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'] as const;
export const NO_ABAC = 'ABAC is not supported by this server: use RBAC or Webhook';

const MAX_TIMEOUT_MS = 30_000;
const MAX_CONDITIONS = 64;
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const FAILURE_POLICIES = ['NoOpinion', 'Deny'];
const CONNECTIONS = ['InClusterConfig', 'KubeConfigFile'];

/**
 * What is wrong, in the words and the order of the reference. `required`: types that have to be there, since what follows the cluster for
 * them was started with the server.
 */
export function checkAuthorizationConfiguration(
  { authorizers }: AuthorizationConfiguration,
  required: readonly string[] = [],
): string[] {
  const errors: FieldError[] = [];
  if (authorizers.length === 0) {
    errors.push(field.required('authorizers', 'at least one authorization mode must be defined'));
  }
  const types = new Set<string>();
  const names = new Set<string>();
  for (const [i, authorizer] of authorizers.entries()) {
    appendAll(errors, checkAuthorizer(authorizer, `authorizers[${i}]`, types, names));
  }
  if (errors.length > 0) return errors.map(fieldErrorText);
  const others = authorizers.filter(({ type }) => type !== 'Webhook');
  const problems = others
    .filter(({ type, name }) => nameOfMode(type) !== name)
    .map(({ type, name }) => `expected name ${nameOfMode(type)} for authorizer ${type} instead of ${name}`);
  const missing = required.filter((type) => !others.some((authorizer) => authorizer.type === type)).sort();
  if (missing.length > 0) problems.push(`missing required types: [${missing.join(' ')}]`);
  return problems;
}

function checkAuthorizer(
  { type, name, webhook }: AuthorizerConfiguration,
  path: string,
  types: Set<string>,
  names: Set<string>,
): FieldError[] {
  if (type === '') return [field.required(`${path}.type`)];
  if (type === 'ABAC') return [field.invalid(`${path}.type`, type, NO_ABAC)];
  if (!(AUTHORIZER_TYPES as readonly string[]).includes(type)) {
    return [field.notSupported(`${path}.type`, type, AUTHORIZER_TYPES)];
  }
  if (types.has(type) && type !== 'Webhook') return [field.duplicate(`${path}.type`, type)];
  types.add(type);
  const errors: FieldError[] = [];
  if (name === '') errors.push(field.required(`${path}.name`));
  else if (names.has(name)) errors.push(field.duplicate(`${path}.name`, name));
  else {
    const problems = isDNS1123Subdomain(name);
    if (problems.length > 0) {
      errors.push(field.invalid(`${path}.name`, name, `authorizer name is invalid: ${problems.join(', ')}`));
    }
  }
  names.add(name);
  if (type === 'Webhook') {
    if (webhook === undefined) errors.push(field.required(`${path}.webhook`, 'required when type=Webhook'));
    else appendAll(errors, checkWebhook(webhook, path));
  } else if (webhook !== undefined) {
    errors.push(field.invalid(`${path}.webhook`, 'non-null', 'may only be specified when type=Webhook'));
  }
  return errors;
}

/** Paths have no `webhook` in them, as the reference's. */
function checkWebhook(webhook: AuthorizationWebhook, path: string): FieldError[] {
  const { timeoutMs, matchConditions, matchConditionSubjectAccessReviewVersion: conditionVersion } = webhook;
  const { subjectAccessReviewVersion, failurePolicy } = webhook;
  const errors: FieldError[] = [];
  if (timeoutMs === 0) errors.push(field.required(`${path}.timeout`));
  else if (timeoutMs < 0 || timeoutMs > MAX_TIMEOUT_MS) {
    errors.push(field.invalid(`${path}.timeout`, formatDuration(timeoutMs), 'must be > 0s and <= 30s'));
  }
  for (const [name, millis] of [
    ['authorizedTTL', webhook.authorizedTtlMs],
    ['unauthorizedTTL', webhook.unauthorizedTtlMs],
  ] as const) {
    if (millis < 0) errors.push(field.invalid(`${path}.${name}`, formatDuration(millis), 'must be > 0s'));
  }
  appendAll(errors, checkChoice(`${path}.subjectAccessReviewVersion`, subjectAccessReviewVersion, REVIEW_VERSIONS));
  const conditionPath = `${path}.matchConditionSubjectAccessReviewVersion`;
  if (conditionVersion !== '') appendAll(errors, checkChoice(conditionPath, conditionVersion, ['v1']));
  else if (matchConditions.length > 0) {
    errors.push(field.required(conditionPath, 'required if match conditions are specified'));
  }
  appendAll(errors, checkChoice(`${path}.failurePolicy`, failurePolicy, FAILURE_POLICIES));
  appendAll(errors, checkConnection(webhook.connectionInfo, `${path}.connectionInfo`));
  return [...errors, ...checkConditions(matchConditions, `${path}.matchConditions`)];
}

function checkChoice(path: string, value: string, choices: readonly string[]): FieldError[] {
  if (value === '') return [field.required(path)];
  return choices.includes(value) ? [] : [field.notSupported(path, value, choices)];
}

function checkConnection({ type, kubeConfigFile }: AuthorizationWebhook['connectionInfo'], path: string): FieldError[] {
  if (type === '') return [field.required(`${path}.type`)];
  if (!CONNECTIONS.includes(type)) return [field.notSupported(`${path}.type`, type, CONNECTIONS)];
  const file = `${path}.kubeConfigFile`;
  if (type === 'InClusterConfig') {
    const errors = [field.invalid(`${path}.type`, type, 'not allowed for the API server, which would ask itself')];
    if (kubeConfigFile !== undefined) {
      errors.push(field.invalid(file, kubeConfigFile, 'can only be set when type=KubeConfigFile'));
    }
    return errors;
  }
  if (!kubeConfigFile) return [field.required(file)];
  if (!isAbsolute(kubeConfigFile)) return [field.invalid(file, kubeConfigFile, 'must be an absolute path')];
  try {
    if (!statSync(kubeConfigFile).isFile()) return [field.invalid(file, kubeConfigFile, 'must be a regular file')];
  } catch (error) {
    return [field.invalid(file, kubeConfigFile, `error loading file: ${(error as Error).message}`)];
  }
  return [];
}

function checkConditions(conditions: readonly string[], path: string): FieldError[] {
  if (conditions.length > MAX_CONDITIONS) return [field.tooMany(path, conditions.length, MAX_CONDITIONS)];
  const seen = new Set<string>();
  return conditions.flatMap((expression, i) => {
    const at = `${path}[${i}].expression`;
    if (expression.trim() === '') return [field.required(at)];
    if (seen.has(expression)) return [field.duplicate(at, expression)];
    seen.add(expression);
    try {
      compileMatchCondition(expression);
      return [];
    } catch (error) {
      return [field.invalid(at, expression, (error as Error).message)];
    }
  });
}
