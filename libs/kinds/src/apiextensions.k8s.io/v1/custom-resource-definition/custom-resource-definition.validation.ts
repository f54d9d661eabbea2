import { isDNS1035Label, isDNS1123Subdomain, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import {
  APPROVAL_FORM,
  APPROVAL_NEEDED,
  APPROVED,
  approvalOf,
  isProtectedGroup,
  SEE_APPROVAL,
} from '../../../custom-resource/api-approval.js';
import type {
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  ObjectMeta,
} from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkClientConfig } from '../../../validation/webhook-client.js';
import { customResourceDefinitionRules } from './custom-resource-definition.rules.js';
import { expressionsOf, NO_STORED_RULES } from './schema-rules.validation.js';
import { checkVersionParts, checkVersions, internalForm, type StoredRulesOf } from './versions.validation.js';

const scopes = ['Cluster', 'Namespaced'];
const strategies = ['None', 'Webhook'];
/** Versions of ConversionReview that the server speaks. */
const reviewVersions = ['v1', 'v1beta1'];

export const customResourceDefinitionValidator: KindValidator = {
  rules: customResourceDefinitionRules,
  validateCreate(crd: CustomResourceDefinition) {
    const at = new FieldCursor();
    const { names, group } = crd.spec;
    if (crd.metadata.name !== `${names?.plural}.${group}`) {
      at.invalid('metadata.name', crd.metadata.name, 'must be spec.names.plural+"."+spec.group');
    }
    check(at, crd, undefined);
    return at.all();
  },
  validateUpdate(crd: CustomResourceDefinition, old: CustomResourceDefinition, { subresource }) {
    const at = new FieldCursor();
    if (subresource === 'status') checkAcceptedNames(at, crd);
    else check(at, crd, old);
    return at.all();
  },
};

function check(at: FieldCursor, crd: CustomResourceDefinition, old: CustomResourceDefinition | undefined): void {
  at.within('spec', () => {
    checkSpec(at, crd.spec, storedRules(crd.spec, old?.spec));
    if (old !== undefined) checkKept(at, crd.spec, old);
  });
  checkAcceptedNames(at, crd);
  checkStoredVersions(at, crd);
  checkApproval(at, crd, old?.metadata);
  if (crd.spec.preserveUnknownFields && !old?.spec.preserveUnknownFields) {
    const text =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    at.invalid('spec.preserveUnknownFields', true, text);
  }
}

function checkSpec(at: FieldCursor, spec: CustomResourceDefinitionSpec, stored: StoredRulesOf): void {
  const { group = '', scope, names, conversion } = spec;
  const problems = isDNS1123Subdomain(group);
  if (group === '') at.required('group');
  else if (problems.length > 0) at.invalid('group', group, problems.join(','));
  else if (!group.includes('.')) at.invalid('group', group, 'should be a domain with at least one dot');
  at.choice('scope', scope, scopes);
  const internal = internalForm(spec.versions ?? []);
  checkVersions(at, internal, stored);
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!names?.[name]) at.required(`names.${name}`);
  }
  at.within('names', () => checkNames(at, names ?? {}));
  checkVersionParts(at, internal.shared, 'validation', stored(undefined));
  if (conversion !== undefined) at.within('conversion', () => checkConversion(at, conversion));
}

function storedRules(spec: CustomResourceDefinitionSpec, old: CustomResourceDefinitionSpec | undefined): StoredRulesOf {
  if (old === undefined) return () => NO_STORED_RULES;
  const expressions = new Set<string>();
  for (const { schema } of old.versions ?? []) expressionsOf(schema?.openAPIV3Schema, expressions);
  const schemaOf = ({ versions }: CustomResourceDefinitionSpec, name: string | undefined) =>
    versions?.find((version) => version.name === name)?.schema;
  return (version = spec.versions?.[0]?.name) => {
    return { expressions, unchanged: semanticEqual(schemaOf(spec, version), schemaOf(old, version)) };
  };
}

function checkKept(
  at: FieldCursor,
  spec: CustomResourceDefinitionSpec,
  { spec: old, status }: CustomResourceDefinition,
) {
  const isEstablished = status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True');
  if (isEstablished) {
    at.immutable('scope', spec.scope, old.scope);
    at.immutable('names.kind', spec.names.kind, old.names.kind);
  }
  at.immutable('group', spec.group, old.group);
  at.immutable('names.plural', spec.names.plural, old.names.plural);
}

function checkAcceptedNames(at: FieldCursor, { status }: CustomResourceDefinition): void {
  at.within('status', () => at.within('acceptedNames', () => checkNames(at, status?.acceptedNames ?? {})));
}

function checkNames(at: FieldCursor, names: Partial<CustomResourceDefinitionNames>): void {
  const joined = (path: string, value: string, checked: string, prefix = ''): void => {
    const problems = checked === '' ? [] : isDNS1035Label(checked);
    if (problems.length > 0) at.invalid(path, value, prefix + problems.join(','));
  };
  const mixed = 'may have mixed case, but should otherwise match: ';
  const { plural = '', singular = '', kind = '', listKind = '', shortNames, categories } = names;
  joined('plural', plural, plural);
  joined('singular', singular, singular);
  joined('kind', kind, kind.toLowerCase(), mixed);
  joined('listKind', listKind, listKind.toLowerCase(), mixed);
  const each = (list: string, values: readonly string[] | undefined): void => {
    at.each(list, values, (value) => {
      const problems = isDNS1035Label(value);
      if (problems.length > 0) at.invalid('', value, problems.join(','));
    });
  };
  each('shortNames', shortNames);
  if (kind !== '' && kind === listKind) at.invalid('listKind', listKind, 'kind and listKind may not be the same');
  each('categories', categories);
}

function checkConversion(at: FieldCursor, { strategy, webhook }: CustomResourceConversion): void {
  at.choice('strategy', strategy, strategies);
  const { clientConfig, conversionReviewVersions: versions } = webhook ?? {};
  if (strategy !== 'Webhook') {
    const text = 'should not be set when strategy is not set to Webhook';
    if (clientConfig !== undefined) at.forbidden('webhookClientConfig', text);
    if ((versions ?? []).length > 0) at.forbidden('conversionReviewVersions', text);
    return;
  }
  if (clientConfig === undefined) {
    at.required('webhookClientConfig', 'required when strategy is set to Webhook');
  } else {
    at.within('webhookClientConfig', () => {
      checkClientConfig(at, clientConfig, 'exactly one of url or service is required');
    });
  }
  checkReviewVersions(at, versions ?? []);
}

function checkReviewVersions(at: FieldCursor, versions: readonly string[]): void {
  if (versions.length === 0) {
    at.required('conversionReviewVersions');
    return;
  }
  const seen = new Set<string>();
  at.each('conversionReviewVersions', versions, (version) => {
    if (seen.has(version)) at.invalid('', version, 'duplicate version');
    else at.format('', version, isDNS1035Label);
    seen.add(version);
  });
  if (!versions.some((version) => reviewVersions.includes(version))) {
    at.invalid('conversionReviewVersions', versions, `must include at least one of ${reviewVersions.join(', ')}`);
  }
}

function checkStoredVersions(at: FieldCursor, { spec, status }: CustomResourceDefinition): void {
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) {
    at.invalid('status.storedVersions', status?.storedVersions, 'must have at least one stored version');
    return;
  }
  for (const { name, storage } of spec.versions ?? []) {
    if (storage && !stored.includes(name)) {
      at.invalid('status.storedVersions', stored, `must have the storage version ${name}`);
    }
  }
  stored.forEach((name, i) => {
    if (spec.versions?.some((version) => version.name === name)) return;
    const text = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    at.invalid(`status.storedVersions[${i}]`, name, text);
  });
}

/** Groups of the community: a CRD there says where its API was reviewed. */
function checkApproval(
  at: FieldCursor,
  { metadata, spec }: CustomResourceDefinition,
  old: ObjectMeta | undefined,
): void {
  if (!isProtectedGroup(spec.group ?? '')) return;
  const approval = approvalOf(metadata);
  if (old !== undefined && semanticEqual(approvalOf(old), approval)) return;
  at.within('metadata', () => {
    at.enter('annotations');
    at.enterKey(APPROVED);
    if (approval === 'missing') at.required('', `${APPROVAL_NEEDED}, ${SEE_APPROVAL}`);
    else if (approval === 'invalid') {
      const text = `${APPROVAL_NEEDED} ${APPROVAL_FORM}, ${SEE_APPROVAL}`;
      at.invalid('', metadata.annotations?.[APPROVED], text);
    }
    at.leave(2);
  });
}
