import type { Samples } from './samples.js';

/** Objects that change what the server does: policies, webhooks, definitions, priority and fairness. */

/** Nothing of this group is ever there: policies of other rounds touch nobody. */
const GROUP = 'nothing.example.com';
const rule = (operations: string[]) => ({ apiGroups: [GROUP], apiVersions: ['v1'], resources: ['*'], operations });
const constraints = { resourceRules: [rule(['CREATE', 'UPDATE'])] };
const webhook = (name: string) => ({
  name: `${name}.example.com`,
  clientConfig: { url: 'https://192.0.2.1/webhook' },
  rules: [rule(['*'])],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  timeoutSeconds: 1,
  matchConditions: [{ name: 'm', expression: "request.userInfo.username != 'x'" }],
});

/** Every form that a structural schema has. */
export const CUSTOM_SCHEMA = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['replicas'],
      properties: {
        replicas: { type: 'integer', default: 1, minimum: 0, maximum: 100 },
        port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        pattern: { type: 'string', pattern: '^[a-z]+$', maxLength: 10 },
        when: { type: 'string', format: 'date-time' },
        ratio: { type: 'number', multipleOf: 0.5, nullable: true },
        tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set', maxItems: 5 },
        parts: {
          type: 'array',
          maxItems: 10,
          items: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string', maxLength: 20 }, size: { type: 'integer', default: 3 } },
          },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
        },
        map: { type: 'object', additionalProperties: { type: 'integer' }, maxProperties: 5 },
        pod: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
      },
      'x-kubernetes-validations': [
        { rule: '!has(self.parts) || self.parts.all(p, p.size <= 100)', message: 'too large' },
        { rule: 'self.replicas >= oldSelf.replicas - 50', messageExpression: "'falls too far: ' + self.pattern" },
      ],
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, selector: { type: 'string' } } },
  },
};

export const customDefinition = (plural: string, kind: string, group = `${plural}.example.com`) => ({
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: CUSTOM_SCHEMA } },
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        selectableFields: [{ jsonPath: '.spec.pattern' }],
        additionalPrinterColumns: [{ name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' }],
      },
    ],
  },
});

export const policySamples: Samples = {
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy': () => ({
    spec: {
      matchConstraints: constraints,
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/a'}]" } }],
    },
  }),
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding': (name) => ({
    spec: { policyName: name, matchResources: constraints },
  }),
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': (name) => ({
    webhooks: [{ ...webhook(name), reinvocationPolicy: 'IfNeeded' }],
  }),
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy': () => ({
    spec: {
      matchConstraints: constraints,
      variables: [{ name: 'n', expression: 'object.metadata.name' }],
      validations: [{ expression: "variables.n != 'x'", messageExpression: "'not ' + variables.n" }],
      auditAnnotations: [{ key: 'k', valueExpression: "'v'" }],
    },
  }),
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding': (name) => ({
    spec: { policyName: name, validationActions: ['Deny', 'Audit'], matchResources: constraints },
  }),
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': (name) => ({ webhooks: [webhook(name)] }),
  'apiextensions.k8s.io/v1/CustomResourceDefinition': (name) => customDefinition(`${name}s`, `K${name}`),
  'flowcontrol.apiserver.k8s.io/v1/FlowSchema': () => ({
    spec: {
      ...{ matchingPrecedence: 9000, priorityLevelConfiguration: { name: 'workload-low' } },
      distinguisherMethod: { type: 'ByUser' },
      rules: [
        {
          subjects: [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'n', name: '*' } }],
          resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['n'] }],
          nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/', '/healthz/*'] }],
        },
      ],
    },
  }),
  'flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration': () => ({
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: 20,
        limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 6, queueLengthLimit: 50 } },
      },
    },
  }),
};
