import type { RuleTable } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';

const hook = 'webhooks[0]';
const form = '; desired format: https://host[/path]';
export const reservedName = (name: string) =>
  `metadata.name: Invalid value: "${name}": names ending with ".static.k8s.io" are reserved for static manifest-based configurations and cannot be managed via the API`;

export const validWebhooks = () => ({
  webhooks: [
    {
      name: 'a.example.com',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      clientConfig: { service: { name: 's', namespace: 'n', path: '/admit' } },
      rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'pods/*'] }],
    },
  ],
});

/** Rows of both kinds of webhook configuration. */
export const webhookRows: RuleTable['rows'] = {
  'names that end in .static.k8s.io are reserved': [
    { create: (item) => (item.metadata = { name: 'a.static.k8s.io' }), errors: [reservedName('a.static.k8s.io')] },
  ],
  'names of webhooks are unique, domain names of at least three segments': [
    {
      create: ({ webhooks }) => {
        const named = (name: string) => ({ ...webhooks[0], name });
        webhooks.push(named(''), named('A'), named('a.b'), named('a.example.com'));
      },
      errors: [
        'webhooks[1].name: Required value',
        `webhooks[2].name: Invalid value: "A": ${words.subdomain}`,
        'webhooks[3].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
        'webhooks[4].name: Duplicate value: "a.example.com"',
      ],
    },
    {
      stored: ({ webhooks }) => webhooks.push(webhooks[0]),
      update: ({ webhooks }) => (webhooks[0].timeoutSeconds = 3),
      errors: [],
    },
  ],
  'rules: operations, groups, versions and resources are there, * excludes the others, scope is one of *, Cluster, Namespaced':
    [
      {
        create: ({ webhooks }) => (webhooks[0].rules = [{}]),
        errors: ['operations', 'apiGroups', 'apiVersions', 'resources'].map(
          (name) => `${hook}.rules[0].${name}: Required value`,
        ),
      },
      {
        create: ({ webhooks }) =>
          (webhooks[0].rules = [
            {
              operations: ['*', 'PATCH'],
              apiGroups: ['*', 'a'],
              apiVersions: ['*', ''],
              resources: ['', '*', 'pods/*', 'pods/log', '*/*', 'pods'],
              scope: 'World',
            },
          ]),
        errors: [
          `${hook}.rules[0].operations: Invalid value: ["*","PATCH"]: if '*' is present, must not specify other operations`,
          `${hook}.rules[0].operations[1]: Unsupported value: "PATCH": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`,
          `${hook}.rules[0].apiGroups: Invalid value: ["*","a"]: if '*' is present, must not specify other API groups`,
          `${hook}.rules[0].apiVersions: Invalid value: ["*",""]: if '*' is present, must not specify other API versions`,
          `${hook}.rules[0].apiVersions[1]: Required value`,
          `${hook}.rules[0].resources[0]: Required value`,
          `${hook}.rules[0].resources[3]: Invalid value: "pods/log": if 'pods/*' is present, must not specify pods/log`,
          `${hook}.rules[0].resources: Invalid value: ["","*","pods/*","pods/log","*/*","pods"]: if '*/*' is present, must not specify other resources`,
          `${hook}.rules[0].resources: Invalid value: ["","*","pods/*","pods/log","*/*","pods"]: if '*' is present, must not specify other resources without subresources`,
          `${hook}.rules[0].scope: Unsupported value: "World": supported values: "*", "Cluster", "Namespaced"`,
        ],
      },
    ],
  'failurePolicy is one of Fail, Ignore; matchPolicy is one of Equivalent, Exact': [
    {
      create: ({ webhooks }) => Object.assign(webhooks[0], { failurePolicy: 'Log', matchPolicy: 'Any' }),
      errors: [
        `${hook}.failurePolicy: Unsupported value: "Log": supported values: "Fail", "Ignore"`,
        `${hook}.matchPolicy: Unsupported value: "Any": supported values: "Equivalent", "Exact"`,
      ],
    },
  ],
  'sideEffects is required, one of None, NoneOnDryRun; an update keeps what an older release accepted': [
    {
      create: ({ webhooks }) => delete webhooks[0].sideEffects,
      errors: [`${hook}.sideEffects: Required value: must specify one of None, NoneOnDryRun`],
    },
    {
      create: ({ webhooks }) => (webhooks[0].sideEffects = 'Some'),
      errors: [`${hook}.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"`],
    },
    {
      stored: ({ webhooks }) => (webhooks[0].sideEffects = 'Unknown'),
      update: ({ webhooks }) => (webhooks[0].sideEffects = 'Some'),
      errors: [],
    },
  ],
  'timeoutSeconds is 1 to 30': [
    {
      create: ({ webhooks }) => (webhooks[0].timeoutSeconds = 31),
      errors: [`${hook}.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds`],
    },
  ],
  'selectors are well-formed; an update keeps label values that an older release accepted': [
    {
      create: ({ webhooks }) => (webhooks[0].objectSelector = { matchLabels: { a: '-' } }),
      errors: [`${hook}.objectSelector.matchLabels: Invalid value: "-": ${words.labelValue}`],
    },
    {
      stored: ({ webhooks }) =>
        (webhooks[0].namespaceSelector = { matchExpressions: [{ key: 'a', operator: 'In', values: ['-'] }] }),
      update: ({ webhooks }) => (webhooks[0].timeoutSeconds = 3),
      errors: [],
    },
  ],
  'clientConfig: exactly one of url (https, without user, query or fragment) and service': [
    {
      create: ({ webhooks }) => (webhooks[0].clientConfig = {}),
      errors: [`${hook}.clientConfig: Required value: exactly one of url or service is required`],
    },
    { create: ({ webhooks }) => (webhooks[0].clientConfig = { url: 'https://a.b:8443/admit' }), errors: [] },
    {
      create: ({ webhooks }) => (webhooks[0].clientConfig = { url: 'http://me:secret@/a?b=c#d' }),
      errors: [
        `${hook}.clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme${form}`,
        `${hook}.clientConfig.url: Invalid value: "": host must be specified${form}`,
        `${hook}.clientConfig.url: Invalid value: "me:secret": user information is not permitted in the URL`,
        `${hook}.clientConfig.url: Invalid value: "d": fragments are not permitted in the URL`,
        `${hook}.clientConfig.url: Invalid value: "b=c": query parameters are not permitted in the URL`,
      ],
    },
    {
      create: ({ webhooks }) => (webhooks[0].clientConfig = { url: 'https://a:b' }),
      errors: [
        `${hook}.clientConfig.url: Required value: url must be a valid URL: parse "https://a:b": invalid port ":b" after host${form}`,
      ],
    },
    {
      create: ({ webhooks }) =>
        (webhooks[0].clientConfig.service = { name: 's', namespace: '', port: 0, path: 'A//b' }),
      errors: [
        `${hook}.clientConfig.service.name: Required value`,
        `${hook}.clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive`,
        `${hook}.clientConfig.service.path: Invalid value: "A//b": must start with a '/'`,
        `${hook}.clientConfig.service.path: Invalid value: "A//b": segment[0] may not be empty`,
        `${hook}.clientConfig.service.path: Invalid value: "A//b": segment[1] may not be empty`,
      ],
    },
    {
      create: ({ webhooks }) => (webhooks[0].clientConfig.service.path = '/a/B/'),
      errors: [`${hook}.clientConfig.service.path: Invalid value: "/a/B/": segment[1]: ${words.subdomain}`],
    },
  ],
  'matchConditions: at most 64, with unique names and an expression': [
    {
      create: ({ webhooks }) =>
        (webhooks[0].matchConditions = [
          { name: 'a', expression: 'true' },
          { name: 'a', expression: ' ' },
          { name: '', expression: 'true' },
        ]),
      errors: [
        `${hook}.matchConditions[1].expression: Required value`,
        `${hook}.matchConditions[1].name: Duplicate value: "a"`,
        `${hook}.matchConditions[2].name: Required value`,
      ],
    },
    {
      create: ({ webhooks }) =>
        (webhooks[0].matchConditions = Array.from({ length: 65 }, (_, i) => ({ name: `a${i}`, expression: 'true' }))),
      errors: [`${hook}.matchConditions: Too many: 65: must have at most 64 items`],
    },
  ],
  'expressions of matchConditions compile to bool; an update keeps functions that a newer release knows': [
    {
      create: ({ webhooks }) =>
        (webhooks[0].matchConditions = [
          { name: 'a', expression: 'request.userInfo.groups.exists(g, g == "x") && !has(object.metadata.labels.a)' },
          { name: 'b', expression: "authorizer.group('').resource('pods').check('get').allowed()" },
        ]),
      errors: [],
    },
    {
      create: ({ webhooks }) => (webhooks[0].matchConditions = [{ name: 'a', expression: ' params.x == 1 ' }]),
      errors: [
        `${hook}.matchConditions[0].expression: Invalid value: "params.x == 1": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.x == 1\n | ^`,
      ],
    },
    {
      create: ({ webhooks }) => (webhooks[0].matchConditions = [{ name: 'a', expression: 'request.nothing' }]),
      errors: [
        `${hook}.matchConditions[0].expression: Invalid value: "request.nothing": compilation failed: ERROR: <input>:1:8: undefined field 'nothing'\n | request.nothing\n | .......^`,
      ],
    },
    {
      create: ({ webhooks }) => (webhooks[0].matchConditions = [{ name: 'a', expression: '1 + 1' }]),
      errors: [`${hook}.matchConditions[0].expression: Invalid value: "1 + 1": must evaluate to bool but got int`],
    },
    {
      stored: ({ webhooks }) => (webhooks[0].matchConditions = [{ name: 'a', expression: 'bad(' }]),
      update: ({ webhooks }) => (webhooks[0].timeoutSeconds = 3),
      errors: [],
    },
  ],
  'admissionReviewVersions: required, unique, at least one of v1, v1beta1; an update keeps what an older release accepted':
    [
      {
        create: ({ webhooks }) => (webhooks[0].admissionReviewVersions = []),
        errors: [`${hook}.admissionReviewVersions: Required value: must specify one of v1, v1beta1`],
      },
      {
        create: ({ webhooks }) => (webhooks[0].admissionReviewVersions = ['v2', 'v2']),
        errors: [
          `${hook}.admissionReviewVersions[1]: Invalid value: "v2": duplicate version`,
          `${hook}.admissionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1`,
        ],
      },
      {
        stored: ({ webhooks }) => (webhooks[0].admissionReviewVersions = ['v2']),
        update: ({ webhooks }) => (webhooks[0].timeoutSeconds = 3),
        errors: [],
      },
    ],
};
