import { describeRules } from '../../../testing/rule-table.js';
import { customResourceDefinitionValidator } from './custom-resource-definition.validation.js';

const schema = 'spec.validation.openAPIV3Schema';
const label =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const version = (name: string, storage: boolean) => ({
  name,
  served: true,
  storage,
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object' } } } },
});
const shown = (name: string, storage: boolean) =>
  `{"Name":"${name}","Served":true,"Storage":${storage},"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}`;
const root = (crd: any) => crd.spec.versions[0].schema.openAPIV3Schema;
const spec = (crd: any) => root(crd).properties.spec;
const see = ', see https://github.com/kubernetes/enhancements/pull/1111';
const approval = 'protected groups must have approval annotation "api-approved.kubernetes.io"';
const protect = (crd: any, annotation?: string) => {
  crd.metadata = { name: 'widgets.x.k8s.io', annotations: { 'api-approved.kubernetes.io': annotation ?? '' } };
  crd.spec.group = 'x.k8s.io';
};

describeRules({
  path: 'apiextensions.k8s.io/v1/customresourcedefinitions',
  validator: customResourceDefinitionValidator,
  valid: {
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'] },
      versions: [
        {
          ...version('v1', true),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 20 } } },
                spec: {
                  type: 'object',
                  properties: {
                    replicas: { type: 'integer', default: 1 },
                    port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
                    free: { 'x-kubernetes-preserve-unknown-fields': true },
                    parts: {
                      type: 'array',
                      'x-kubernetes-list-type': 'map',
                      'x-kubernetes-list-map-keys': ['name'],
                      items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
                    },
                  },
                  anyOf: [{ required: ['replicas'] }, { properties: { replicas: { minimum: 1 } } }],
                },
                status: { type: 'object', additionalProperties: { type: 'string' } },
              },
            },
          },
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
          },
          additionalPrinterColumns: [{ name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' }],
          selectableFields: [{ jsonPath: '.spec.replicas' }],
        },
      ],
    },
  },
  rows: {
    'the name is <spec.names.plural>.<spec.group>': [
      {
        create: ({ metadata }) => (metadata.name = 'gadgets.example.com'),
        errors: ['metadata.name: Invalid value: "gadgets.example.com": must be spec.names.plural+"."+spec.group'],
      },
    ],
    'group is a DNS name with a dot; scope is one of Cluster, Namespaced': [
      {
        create: (crd) => {
          crd.metadata.name = 'widgets.example';
          Object.assign(crd.spec, { group: 'example', scope: 'World' });
        },
        errors: [
          'spec.group: Invalid value: "example": should be a domain with at least one dot',
          'spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"',
        ],
      },
    ],
    'names are DNS labels, kind and listKind in mixed case; kind differs from listKind': [
      {
        create: ({ spec }) =>
          Object.assign(spec.names, { singular: 'W', kind: '1', listKind: '1', shortNames: ['_'], categories: ['-'] }),
        errors: [
          `spec.names.singular: Invalid value: "W": ${label}`,
          `spec.names.kind: Invalid value: "1": may have mixed case, but should otherwise match: ${label}`,
          `spec.names.listKind: Invalid value: "1": may have mixed case, but should otherwise match: ${label}`,
          `spec.names.shortNames[0]: Invalid value: "_": ${label}`,
          'spec.names.listKind: Invalid value: "1": kind and listKind may not be the same',
          `spec.names.categories[0]: Invalid value: "-": ${label}`,
        ],
      },
    ],
    'versions: unique DNS labels, exactly one storage version': [
      {
        create: ({ spec }) => (spec.versions = [version('v1', true), version('v1', true), version('1', false)]),
        errors: [
          `spec.versions[2].name: Invalid value: "1": ${label}`,
          `spec.versions: Invalid value: [${shown('v1', true)},${shown('v1', true)},${shown('1', false)}]: must contain unique version names`,
          `spec.versions: Invalid value: [${shown('v1', true)},${shown('v1', true)},${shown('1', false)}]: must have exactly one version marked as storage version`,
        ],
      },
    ],
    'deprecationWarning: only of deprecated versions, 1 to 256 printable characters': [
      {
        create: ({ spec }) => (spec.versions[0].deprecationWarning = 'x'),
        errors: ['spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions'],
      },
      {
        create: ({ spec }) => Object.assign(spec.versions[0], { deprecated: true, deprecationWarning: 'a\nb' }),
        errors: [
          'spec.versions[0].deprecationWarning: Invalid value: "a\\nb": must only contain printable UTF-8 characters; non-printable character found at index 1',
        ],
      },
    ],
    'every version has a schema of type object': [
      {
        create: ({ spec }) => (spec.versions = [{ name: 'v1', served: true, storage: true }]),
        errors: ['spec.versions[0].schema.openAPIV3Schema: Required value'],
      },
      {
        create: (crd) => {
          crd.spec.versions = [version('v1', true)];
          Object.assign(root(crd), { type: 'array', items: { type: 'string' } });
        },
        errors: [`${schema}.type: Invalid value: "array": must be object at the root`],
      },
    ],
    'schemas are structural: a type for every part, nothing structural below not, allOf, anyOf, oneOf': [
      {
        create: (crd) => {
          spec(crd).properties = { a: {}, b: { type: 'array' }, c: { type: 'array', items: {} } };
          delete spec(crd).anyOf;
          Object.assign(crd.spec.versions[0], { selectableFields: undefined });
        },
        errors: [
          `${schema}.properties[spec].properties[a].type: Required value: must not be empty for specified object fields`,
          `${schema}.properties[spec].properties[b].items: Required value: must be specified`,
          `${schema}.properties[spec].properties[c].items.type: Required value: must not be empty for specified array items`,
        ],
      },
      {
        create: (crd) =>
          (spec(crd).allOf = [
            { type: 'object', description: 'd', properties: { other: { default: 1, pattern: '(?=a)' } } },
          ]),
        errors: [
          `${schema}.properties[spec].allOf[0].description: Forbidden: must be empty to be structural`,
          `${schema}.properties[spec].allOf[0].properties[other].default: Forbidden: must be undefined to be structural`,
          `${schema}.properties[spec].allOf[0].properties[other].pattern: Invalid value: "(?=a)": must be a valid regular expression, but isn't: error parsing regexp: invalid or unsupported Perl syntax: \`(?=\``,
          `${schema}.properties[spec].allOf[0].type: Forbidden: must be empty to be structural`,
        ],
      },
      {
        create: (crd) => {
          crd.spec.versions = [version('v1', true)];
          root(crd).allOf = [{ properties: { other: { minimum: 1 } } }];
        },
        errors: [
          `${schema}.properties[other]: Required value: because it is defined in ${schema}.allOf[0].properties[other]`,
        ],
      },
      {
        create: (crd) => (root(crd).properties.metadata.properties.labels = { type: 'object' }),
        errors: [
          `${schema}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
        ],
      },
      {
        create: (crd) => (spec(crd).properties.embedded = { 'x-kubernetes-embedded-resource': true }),
        errors: [
          `${schema}.properties[spec].properties[embedded].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
          `${schema}.properties[spec].properties[embedded].type: Required value: must be object if x-kubernetes-embedded-resource is true`,
        ],
      },
    ],
    'schemas: no $ref, definitions, dependencies, id, additionalItems, patternProperties, uniqueItems, items as list; properties exclude additionalProperties':
      [
        {
          create: (crd) =>
            Object.assign(spec(crd), {
              id: 'a',
              $ref: '#/a',
              uniqueItems: true,
              additionalItems: true,
              patternProperties: { a: { type: 'string' } },
              definitions: { a: { type: 'string' } },
              dependencies: { a: ['b'] },
              additionalProperties: { type: 'string' },
            }),
          errors: [
            'id: Forbidden: id is not supported',
            'additionalItems: Forbidden: additionalItems is not supported',
            'patternProperties: Forbidden: patternProperties is not supported',
            'definitions: Forbidden: definitions is not supported',
            'dependencies: Forbidden: dependencies is not supported',
            '$ref: Forbidden: $ref is not supported',
            'uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
            'additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
          ].map((text) => `${schema}.properties[spec].${text}`),
        },
        {
          create: (crd) => (root(crd).properties.apiVersion = { type: 'string', default: 'v1' }),
          errors: [`${schema}.properties[apiVersion].default: Forbidden: must not be set in top-level apiVersion`],
        },
      ],
    'x-kubernetes-list-type is one of atomic, set, map, and of arrays; x-kubernetes-map-type is one of atomic, granular, and of objects':
      [
        {
          create: (crd) =>
            Object.assign(spec(crd).properties.replicas, {
              'x-kubernetes-list-type': 'bag',
              'x-kubernetes-map-type': 'deep',
            }),
          errors: [
            `type: Invalid value: "integer": must be object if x-kubernetes-map-type is specified`,
            `x-kubernetes-map-type: Unsupported value: "deep": supported values: "atomic", "granular"`,
            `type: Invalid value: "integer": must be array if x-kubernetes-list-type is specified`,
            `x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"`,
          ].map((text) => `${schema}.properties[spec].properties[replicas].${text}`),
        },
        {
          create: (crd) =>
            (spec(crd).properties.set = {
              type: 'array',
              'x-kubernetes-list-type': 'set',
              items: { type: 'object', nullable: true },
            }),
          errors: [
            `${schema}.properties[spec].properties[set].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
            `${schema}.properties[spec].properties[set].items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set`,
          ],
        },
      ],
    'x-kubernetes-list-type map needs x-kubernetes-list-map-keys that name required or defaulted scalar properties': [
      {
        create: (crd) => {
          spec(crd).properties.parts['x-kubernetes-list-map-keys'] = ['name', 'name', 'other'];
          delete spec(crd).properties.parts.items.required;
        },
        errors: [
          'x-kubernetes-list-map-keys: Invalid value: ["name","name","other"]: must not contain duplicate entries',
          'x-kubernetes-list-map-keys: Invalid value: ["name","name","other"]: entries must all be names of item properties',
          ...Array.from(
            { length: 2 },
            () =>
              'items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
          ),
        ].map((text) => `${schema}.properties[spec].properties[parts].${text}`),
      },
      {
        create: (crd) => delete spec(crd).properties.parts['x-kubernetes-list-type'],
        errors: [
          `${schema}.properties[spec].properties[parts].x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty`,
        ],
      },
    ],
    'x-kubernetes-validations: a rule, a message of one line, a known reason': [
      {
        create: (crd) =>
          (spec(crd)['x-kubernetes-validations'] = [
            { rule: ' ' },
            { rule: 'true', message: 'a\nb', reason: 'Odd' },
            { rule: 'true ||\nfalse' },
          ]),
        errors: [
          '[0].rule: Required value: rule is not specified',
          '[1].message: Invalid value: "a\\nb": must not contain line breaks',
          '[1].reason: Unsupported value: "Odd": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
          '[2].message: Required value: message must be specified if rule contains line breaks',
        ].map((text) => `${schema}.properties[spec].x-kubernetes-validations${text}`),
      },
    ],
    'rules of x-kubernetes-validations compile and fit the cost limit': [
      {
        create: (crd) =>
          (spec(crd).properties.count = {
            type: 'integer',
            'x-kubernetes-validations': [
              { rule: 'self > "a"' },
              { rule: 'self + 1' },
              { rule: 'self > 1', optionalOldSelf: true },
            ],
          }),
        errors: [
          `[0].rule: Invalid value: {"Rule":"self \\u003e \\"a\\"","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: ERROR: <input>:1:6: found no matching overload for '_>_' applied to '(int, string)'\n | self > "a"\n | .....^`,
          '[1].rule: Invalid value: {"Rule":"self + 1","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: cel expression must evaluate to a bool',
          '[2].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule',
        ].map((text) => `${schema}.properties[spec].properties[count].x-kubernetes-validations${text}`),
      },
      {
        create: (crd) =>
          (spec(crd).properties.names = {
            type: 'array',
            items: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] },
            'x-kubernetes-validations': [{ rule: 'self.all(x, self.all(y, x == y || x != y))' }],
          }),
        errors: [
          '.items.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)',
          '.items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec].properties[names]',
          '.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)',
          '.x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
          '.items.x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
        ]
          .map((text) => `${schema}.properties[spec].properties[names]${text}`)
          .concat(
            `${schema}: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`,
          ),
      },
      {
        create: (crd) =>
          (spec(crd).properties.names = {
            type: 'array',
            maxItems: 10,
            items: { type: 'string', maxLength: 10 },
            'x-kubernetes-validations': [{ rule: 'self.all(x, self.all(y, x == y || x != y))', fieldPath: '.no' }],
          }),
        errors: [
          `${schema}.properties[spec].properties[names].x-kubernetes-validations[0].fieldPath: Invalid value: ".no": must be a valid path`,
        ],
      },
    ],
    'defaults are valid and pruned': [
      {
        create: (crd) => (spec(crd).properties.replicas.default = 'many'),
        errors: [
          `${schema}.properties[spec].properties[replicas].default: Invalid value: "string": ${schema}.properties[spec].properties[replicas].default in body must be of type integer: "string"`.replace(
            `${schema}.properties[spec].properties[replicas].default in`,
            ' in',
          ),
        ],
      },
      {
        create: (crd) => (spec(crd).default = { replicas: 1, other: 2 }),
        errors: [
          `${schema}.properties[spec].default: Invalid value: {"other":2,"replicas":1}: must not have unknown fields`,
        ],
      },
      {
        create: (crd) =>
          Object.assign(spec(crd).properties.replicas, { 'x-kubernetes-validations': [{ rule: 'self > 1' }] }),
        errors: [`${schema}.properties[spec].properties[replicas].default: Invalid value: 1: failed rule: self > 1`],
      },
    ],
    'with the status subresource the root of a schema has few fields': [
      {
        create: (crd) => {
          crd.spec.versions = [{ ...version('v1', true), subresources: { status: {} } }];
          root(crd).oneOf = [{ required: ['spec'] }];
        },
        errors: [
          `${schema}: Invalid value: {"oneOf":[{"required":["spec"]}],"properties":{"spec":{"type":"object"}},"type":"object"}: only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed at the root of the schema if the status subresource is enabled`,
        ],
      },
    ],
    'scale: paths of replicas below .spec and .status, the path of the selector below .spec or .status': [
      {
        create: ({ spec }) =>
          (spec.versions[0].subresources.scale = {
            specReplicasPath: '.status.a',
            statusReplicasPath: 'a',
            labelSelectorPath: '.a.b',
          }),
        errors: [
          'spec.subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec',
          'spec.subresources.scale.statusReplicasPath: Invalid value: "a": must be a simple json path starting with .',
          'spec.subresources.scale.labelSelectorPath: Invalid value: ".a.b": should be a json path under either .spec or .status',
        ],
      },
    ],
    'printer columns: name, known type and format, a path': [
      {
        create: ({ spec }) =>
          (spec.versions[0].additionalPrinterColumns = [{}, { name: 'a', type: 'map', format: 'x', jsonPath: 'a' }]),
        errors: [
          'spec.additionalPrinterColumns[0].name: Required value',
          'spec.additionalPrinterColumns[0].type: Required value: must be one of boolean,date,integer,number,string',
          'spec.additionalPrinterColumns[0].JSONPath: Required value',
          'spec.additionalPrinterColumns[1].type: Invalid value: "map": must be one of boolean,date,integer,number,string',
          'spec.additionalPrinterColumns[1].format: Invalid value: "x": must be one of byte,date,date-time,double,float,int32,int64,password',
          'spec.additionalPrinterColumns[1].JSONPath: Invalid value: "a": must be a simple json path starting with .',
        ],
      },
    ],
    'selectableFields: at most 8, unique paths to fields of type string, boolean or integer': [
      {
        create: ({ spec }) =>
          (spec.versions[0].selectableFields = ['.spec.replicas', '.spec.replicas', '.spec', '.spec.no', ''].map(
            (jsonPath) => ({ jsonPath }),
          )),
        errors: [
          'spec.selectableFields[1].jsonPath: Duplicate value: ".spec.replicas"',
          'spec.selectableFields[2].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
          'spec.selectableFields[3].jsonPath: Invalid value: ".spec.no": is an invalid path: does not refer to a valid field',
          'spec.selectableFields[4].jsonPath: Required value',
        ],
      },
    ],
    'conversion.strategy is one of None, Webhook; the latter needs clientConfig and conversionReviewVersions, the former has neither':
      [
        {
          create: ({ spec }) => (spec.conversion = { strategy: 'Magic' }),
          errors: ['spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"'],
        },
        {
          create: ({ spec }) => (spec.conversion = { strategy: 'Webhook' }),
          errors: [
            'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook',
            'spec.conversion.conversionReviewVersions: Required value',
          ],
        },
        {
          create: ({ spec }) =>
            (spec.conversion = {
              strategy: 'Webhook',
              webhook: { clientConfig: {}, conversionReviewVersions: ['v2', 'v2'] },
            }),
          errors: [
            'spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required',
            'spec.conversion.conversionReviewVersions[1]: Invalid value: "v2": duplicate version',
            'spec.conversion.conversionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1',
          ],
        },
        {
          create: ({ spec }) =>
            (spec.conversion = {
              strategy: 'None',
              webhook: { clientConfig: { url: 'https://a' }, conversionReviewVersions: ['v1'] },
            }),
          errors: [
            'spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook',
            'spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook',
          ],
        },
      ],
    'status.storedVersions: not empty, with the storage version, all in spec.versions': [
      {
        stored: (crd) => (crd.status.storedVersions = ['v0', 'v1']),
        update: () => {},
        errors: [
          'status.storedVersions[0]: Invalid value: "v0": missing from spec.versions; v0 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v0 and removes v0 from status.storedVersions',
        ],
      },
    ],
    'groups below k8s.io and kubernetes.io need the annotation api-approved.kubernetes.io': [
      {
        create: (crd) => protect(crd),
        errors: [`metadata.annotations[api-approved.kubernetes.io]: Required value: ${approval}${see}`],
      },
      {
        create: (crd) => protect(crd, 'yes'),
        errors: [
          `metadata.annotations[api-approved.kubernetes.io]: Invalid value: "yes": ${approval} with either a URL or a reason starting with "unapproved"${see}`,
        ],
      },
      { create: (crd) => protect(crd, 'unapproved, for tests'), errors: [] },
      { create: (crd) => protect(crd, 'https://github.com/kubernetes/enhancements/pull/1'), errors: [] },
    ],
    'preserveUnknownFields is false': [
      {
        create: ({ spec }) => (spec.preserveUnknownFields = true),
        errors: [
          'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
        ],
      },
    ],
    'immutable: spec.group, spec.names.plural; spec.scope and spec.names.kind once established': [
      {
        update: ({ spec }) => (spec.scope = 'Cluster'),
        errors: [],
      },
      {
        stored: (crd) => (crd.status.conditions = [{ type: 'Established', status: 'True' }]),
        update: ({ spec }) => {
          Object.assign(spec, { group: 'other.com', scope: 'Cluster' });
          Object.assign(spec.names, { plural: 'gadgets', kind: 'Gadget' });
        },
        errors: [
          'spec.scope: Invalid value: "Cluster": field is immutable',
          'spec.names.kind: Invalid value: "Gadget": field is immutable',
          'spec.group: Invalid value: "other.com": field is immutable',
          'spec.names.plural: Invalid value: "gadgets": field is immutable',
        ],
      },
    ],
  },
});
