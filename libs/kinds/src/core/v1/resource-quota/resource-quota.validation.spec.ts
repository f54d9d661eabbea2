import { describeRules } from '../../../testing/rule-table.js';
import { resourceQuotaValidator } from './resource-quota.validation.js';

const expressions = 'spec.scopeSelector.matchExpressions';
const onlyExists =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

describeRules({
  path: 'v1/resourcequotas',
  validator: resourceQuotaValidator,
  valid: {
    spec: {
      hard: { pods: '4', 'requests.cpu': '1500m', 'count/deployments.apps': '2', 'requests.example.com/gpu': '1' },
      scopes: ['NotBestEffort'],
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] },
    },
  },
  rows: {
    'resources: names that quotas know, count/<resource>[.<group>], or qualified names': [
      {
        create: ({ spec }) => (spec.hard = { gpu: '1', storage: '1' }),
        errors: [
          'spec.hard[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
          'spec.hard[gpu]: Invalid value: "gpu": must be a standard resource for quota',
          'spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota',
        ],
      },
    ],
    'amounts are not negative; what is counted has whole numbers': [
      {
        create: ({ spec }) => (spec.hard = { pods: '1500m', cpu: '-1', 'a.b/gpu': '0.5' }),
        errors: [
          'spec.hard[pods]: Invalid value: "1500m": must be an integer',
          'spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0',
          'spec.hard[a.b/gpu]: Invalid value: "500m": must be an integer',
        ],
      },
    ],
    'scopes are known, and limit the resources of the quota': [
      {
        create: ({ spec }) => (spec.scopes = ['Best', 'BestEffort']),
        errors: [
          'spec.scopes: Invalid value: ["Best","BestEffort"]: unsupported scope',
          'spec.scopes: Invalid value: ["Best","BestEffort"]: unsupported scope applied to resource',
        ],
      },
      {
        create: ({ spec }) =>
          (spec.scopeSelector.matchExpressions = [
            { scopeName: 'VolumeAttributesClass', operator: 'Exists' },
            { scopeName: 'Best', operator: 'Exists' },
          ]),
        errors: [
          `${expressions}: Invalid value: {"MatchExpressions":[{"ScopeName":"VolumeAttributesClass","Operator":"Exists","Values":null},{"ScopeName":"Best","Operator":"Exists","Values":null}]}: unsupported scope applied to resource`,
          `${expressions}: Invalid value: {"MatchExpressions":[{"ScopeName":"VolumeAttributesClass","Operator":"Exists","Values":null},{"ScopeName":"Best","Operator":"Exists","Values":null}]}: unsupported scope applied to resource`,
          `${expressions}.scopeName: Invalid value: "Best": unsupported scope`,
        ],
      },
    ],
    'BestEffort excludes NotBestEffort, Terminating excludes NotTerminating': [
      {
        create: (quota) => (quota.spec = { scopes: ['Terminating', 'BestEffort', 'NotBestEffort', 'NotTerminating'] }),
        errors: Array.from(
          { length: 2 },
          () =>
            'spec.scopes: Invalid value: ["Terminating","BestEffort","NotBestEffort","NotTerminating"]: conflicting scopes',
        ),
      },
      {
        create: (quota) => {
          const matchExpressions = ['BestEffort', 'NotBestEffort'].map((scopeName) => ({
            scopeName,
            operator: 'Exists',
          }));
          quota.spec = { scopeSelector: { matchExpressions } };
        },
        errors: [`${expressions}: Invalid value: null: conflicting scopes`],
      },
    ],
    'scopeSelector: In and NotIn have values, Exists and DoesNotExist have none; most scopes take Exists only': [
      {
        create: ({ spec }) =>
          (spec.scopeSelector.matchExpressions = [
            { scopeName: 'PriorityClass', operator: 'In' },
            { scopeName: 'PriorityClass', operator: 'Exists', values: ['a'] },
            { scopeName: 'Terminating', operator: 'Is' },
          ]),
        errors: [
          `${expressions}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`,
          `${expressions}.values: Invalid value: ["a"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
          `${expressions}.operator: Invalid value: "Is": ${onlyExists}`,
          `${expressions}.operator: Invalid value: "Is": not a valid selector operator`,
        ],
      },
    ],
    'immutable: spec.scopes': [
      {
        update: ({ spec }) => (spec.scopes = ['NotTerminating']),
        errors: ['spec.scopes: Invalid value: ["NotTerminating"]: field is immutable'],
      },
      { update: ({ spec }) => (spec.scopes = ['NotBestEffort', 'NotBestEffort']), errors: [] },
    ],
    'status: hard and used as spec.hard': [
      {
        endpoint: 'status',
        update: (quota) => (quota.status = { hard: { gpu: '1' }, used: { pods: '-1' } }),
        errors: [
          'status.hard[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
          'status.hard[gpu]: Invalid value: "gpu": must be a standard resource for quota',
          'status.used[pods]: Invalid value: "-1": must be greater than or equal to 0',
        ],
      },
    ],
  },
});
