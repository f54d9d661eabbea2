import type { Rule } from '../../../validation/rules.js';

/** What is checked of a CustomResourceDefinition, in words. */
export const customResourceDefinitionRules: readonly Rule[] = [
  'the name is <spec.names.plural>.<spec.group>',
  'group is a DNS name with a dot; scope is one of Cluster, Namespaced',
  'names are DNS labels, kind and listKind in mixed case; kind differs from listKind',
  'versions: unique DNS labels, exactly one storage version',
  'deprecationWarning: only of deprecated versions, 1 to 256 printable characters',
  'every version has a schema of type object',
  'schemas are structural: a type for every part, nothing structural below not, allOf, anyOf, oneOf',
  'schemas: no $ref, definitions, dependencies, id, additionalItems, patternProperties, uniqueItems, items as list; properties exclude additionalProperties',
  'x-kubernetes-list-type is one of atomic, set, map, and of arrays; x-kubernetes-map-type is one of atomic, granular, and of objects',
  'x-kubernetes-list-type map needs x-kubernetes-list-map-keys that name required or defaulted scalar properties',
  'x-kubernetes-validations: a rule, a message of one line, a known reason',
  'rules of x-kubernetes-validations compile and fit the cost limit',
  'defaults are valid and pruned',
  'with the status subresource the root of a schema has few fields',
  'scale: paths of replicas below .spec and .status, the path of the selector below .spec or .status',
  'printer columns: name, known type and format, a path',
  'selectableFields: at most 8, unique paths to fields of type string, boolean or integer',
  'conversion.strategy is one of None, Webhook; the latter needs clientConfig and conversionReviewVersions, the former has neither',
  'status.storedVersions: not empty, with the storage version, all in spec.versions',
  'groups below k8s.io and kubernetes.io need the annotation api-approved.kubernetes.io',
  'preserveUnknownFields is false',
  'immutable: spec.group, spec.names.plural; spec.scope and spec.names.kind once established',
];
