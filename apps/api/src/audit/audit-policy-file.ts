import { readFile } from 'node:fs/promises';
import {
  aggregateMessages,
  appendAll,
  type FieldError,
  field,
  fieldErrorText,
  isDNS1123Subdomain,
  isJsonObject,
} from '#apimachinery';
import { AUDIT_LEVELS, AUDIT_STAGES } from './audit-event.js';
import type { AuditPolicy, GroupResources, PolicyRule } from './audit-policy.js';

/** Why a policy cannot be used. The message names the file. */
export class AuditPolicyError extends Error {
  override readonly name = 'AuditPolicyError';
}

const API_VERSION = 'audit.k8s.io/v1';
const POLICY_FIELDS = ['apiVersion', 'kind', 'metadata', 'rules', 'omitStages', 'omitManagedFields'];
const RULE_FIELDS = [
  ...['level', 'users', 'userGroups', 'verbs', 'resources', 'namespaces', 'nonResourceURLs'],
  ...['omitStages', 'omitManagedFields'],
];
const GROUP_FIELDS = ['group', 'resources', 'resourceNames'];

/** Reads --audit-policy-file. Unknown fields are reported to `warn` and ignored. Rejects with AuditPolicyError. */
export async function readAuditPolicy(file: string, warn: (text: string) => void): Promise<AuditPolicy> {
  const { parseDocument } = await import('yaml');
  try {
    const document = parseDocument(await readFile(file, 'utf8'), { uniqueKeys: false });
    const [broken] = document.errors;
    if (broken) throw new Error(`failed decoding: ${broken.message.split('\n')[0]}`);
    return policyOf(document.toJS(), warn);
  } catch (error) {
    throw new AuditPolicyError(`loading audit policy file: ${(error as Error).message}: from file ${file}`);
  }
}

/** Throws an error that says what is wrong. */
export function policyOf(value: unknown, warn: (text: string) => void): AuditPolicy {
  const reader = new PolicyReader();
  const policy = reader.object(value, 'policy', POLICY_FIELDS);
  const { apiVersion, kind } = policy;
  if (apiVersion !== API_VERSION || kind !== 'Policy') {
    throw new Error(`unknown group version field ${String(apiVersion)}, Kind=${String(kind)} in policy`);
  }
  const rules = reader.list(policy.rules, 'rules').map((rule, i) => ruleOf(reader, rule, `rules[${i}]`));
  const omitStages = reader.texts(policy.omitStages, 'omitStages');
  const omitManagedFields = reader.truth(policy.omitManagedFields, 'omitManagedFields') ?? false;
  if (reader.unknown.length > 0) {
    warn(`the audit policy has unknown fields, which are ignored: ${reader.unknown.join(', ')}`);
  }
  const problems = [...checkStages(omitStages, 'omitStages'), ...rules.flatMap((rule, i) => checkRule(rule, i))];
  if (problems.length > 0) throw new Error(aggregateMessages(problems.map(fieldErrorText)));
  if (rules.length === 0) throw new Error('loaded illegal policy with 0 rules');
  return { rules, omitStages: omitStages as AuditPolicy['omitStages'], omitManagedFields };
}

function ruleOf(reader: PolicyReader, value: unknown, path: string): PolicyRule {
  const rule = reader.object(value, path, RULE_FIELDS);
  // own-lookup: `object` has the known fields alone, and each name here is one of them
  const texts = (name: string) => reader.texts(rule[name], `${path}.${name}`);
  return {
    level: reader.text(rule.level, `${path}.level`) as PolicyRule['level'],
    users: texts('users'),
    userGroups: texts('userGroups'),
    verbs: texts('verbs'),
    resources: reader
      .list(rule.resources, `${path}.resources`)
      .map((group, i) => groupOf(reader, group, `${path}.resources[${i}]`)),
    namespaces: texts('namespaces'),
    nonResourceURLs: texts('nonResourceURLs'),
    omitStages: texts('omitStages') as unknown as PolicyRule['omitStages'],
    omitManagedFields: reader.truth(rule.omitManagedFields, `${path}.omitManagedFields`),
  };
}

function groupOf(reader: PolicyReader, value: unknown, path: string): GroupResources {
  const group = reader.object(value, path, GROUP_FIELDS);
  return {
    group: reader.text(group.group, `${path}.group`),
    resources: reader.texts(group.resources, `${path}.resources`),
    resourceNames: reader.texts(group.resourceNames, `${path}.resourceNames`),
  };
}

/** Reads values of known types; fields that it does not know are collected. */
class PolicyReader {
  readonly unknown: string[] = [];

  object(value: unknown, path: string, known: readonly string[]): Partial<Record<string, unknown>> {
    if (!isJsonObject(value)) throw new Error(`failed decoding: ${path} must be an object`);
    const fields = new Map(Object.entries(value));
    for (const name of fields.keys()) if (!known.includes(name)) this.unknown.push(`${path}.${name}`);
    return Object.fromEntries(known.map((name) => [name, fields.get(name) ?? undefined]));
  }

  list(value: unknown, path: string): unknown[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw new Error(`failed decoding: ${path} must be a list`);
    return value;
  }

  text(value: unknown, path: string): string {
    if (value === undefined) return '';
    if (typeof value !== 'string') throw new Error(`failed decoding: ${path} must be a string`);
    return value;
  }

  texts(value: unknown, path: string): string[] {
    return this.list(value, path).map((item, i) => this.text(item ?? undefined, `${path}[${i}]`));
  }

  truth(value: unknown, path: string): boolean | undefined {
    if (value === undefined || typeof value === 'boolean') return value;
    throw new Error(`failed decoding: ${path} must be true or false`);
  }
}

function checkRule(rule: PolicyRule, at: number): FieldError[] {
  const path = `rules[${at}]`;
  const errors: FieldError[] = [];
  const level: string = rule.level;
  if (level === '') errors.push(field.required(`${path}.level`));
  else if (!AUDIT_LEVELS.includes(rule.level)) errors.push(field.notSupported(`${path}.level`, level, AUDIT_LEVELS));
  appendAll(
    errors,
    rule.nonResourceURLs.flatMap((url, i) => checkUrl(url, `${path}.nonResourceURLs[${i}]`)),
  );
  appendAll(
    errors,
    rule.resources.flatMap((group) => checkGroup(group, `${path}.resources`)),
  );
  appendAll(errors, checkStages(rule.omitStages, `${path}.omitStages`));
  if (rule.nonResourceURLs.length > 0 && rule.resources.length + rule.namespaces.length > 0) {
    const text = 'rules cannot apply to both regular resources and non-resource URLs';
    errors.push(field.invalid(`${path}.nonResourceURLs`, rule.nonResourceURLs, text));
  }
  return errors;
}

function checkUrl(url: string, path: string): FieldError[] {
  if (url === '*') return [];
  const errors: FieldError[] = [];
  if (!url.startsWith('/')) {
    errors.push(field.invalid(path, url, "non-resource URL rules must begin with a '/' character"));
  }
  if (url.slice(0, -1).includes('*')) {
    const text = "non-resource URL wildcards '*' must be the final character of the rule";
    errors.push(field.invalid(path, url, text));
  }
  return errors;
}

function checkGroup({ group, resources, resourceNames }: GroupResources, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (group !== '' && group !== '*') {
    const problems = isDNS1123Subdomain(group);
    if (problems.length > 0) errors.push(field.invalid(`${path}.group`, group, problems.join(',')));
  }
  if (resourceNames.length > 0 && resources.length === 0) {
    const text = 'using resourceNames requires at least one resource';
    errors.push(field.invalid(`${path}.resourceNames`, resourceNames, text));
  }
  return errors;
}

function checkStages(stages: readonly string[], path: string): FieldError[] {
  return stages.flatMap((stage, i) => {
    if ((AUDIT_STAGES as readonly string[]).includes(stage)) return [];
    return [field.invalid(`${path}[${i}]`, stage, `allowed stages are ${AUDIT_STAGES.join(',')}`)];
  });
}
