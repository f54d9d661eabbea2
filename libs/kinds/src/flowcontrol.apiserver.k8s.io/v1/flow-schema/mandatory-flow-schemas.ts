import type { FlowcontrolSubject, FlowSchemaSpec, ResourcePolicyRule } from '../../../generated/types.js';
import { goStruct } from '../../../validation/go-struct.js';

/** FlowSchemas that are always there, and always the same: who is never held back, and who is left over. */

const everything = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};

function groups(...names: string[]): FlowcontrolSubject[] {
  return names.map((name) => ({ kind: 'Group', group: { name } }));
}

export const mandatoryFlowSchemas: ReadonlyMap<string, FlowSchemaSpec> = new Map([
  [
    'exempt',
    {
      priorityLevelConfiguration: { name: 'exempt' },
      matchingPrecedence: 1,
      rules: [{ subjects: groups('system:masters'), ...everything }],
    },
  ],
  [
    'catch-all',
    {
      priorityLevelConfiguration: { name: 'catch-all' },
      matchingPrecedence: 10_000,
      distinguisherMethod: { type: 'ByUser' },
      rules: [{ subjects: groups('system:unauthenticated', 'system:authenticated'), ...everything }],
    },
  ],
]);

/** As the reference prints it in an error. */
export function shownFlowSchemaSpec(spec: FlowSchemaSpec): Map<string, unknown> {
  return new Map<string, unknown>([
    ['PriorityLevelConfiguration', new Map([['Name', spec.priorityLevelConfiguration.name]])],
    ['MatchingPrecedence', spec.matchingPrecedence ?? 0],
    ['DistinguisherMethod', spec.distinguisherMethod ? goStruct('Type', spec.distinguisherMethod) : null],
    [
      'Rules',
      spec.rules?.map(({ subjects, resourceRules, nonResourceRules }) => {
        return new Map<string, unknown>([
          ['Subjects', subjects?.map(shownSubject) ?? null],
          ['ResourceRules', resourceRules?.map(shownResourceRule) ?? null],
          [
            'NonResourceRules',
            nonResourceRules?.map(({ verbs, nonResourceURLs }) => {
              return new Map([
                ['Verbs', verbs],
                ['NonResourceURLs', nonResourceURLs],
              ]);
            }) ?? null,
          ],
        ]);
      }) ?? null,
    ],
  ]);
}

function shownSubject({ kind, user, group, serviceAccount }: FlowcontrolSubject): Map<string, unknown> {
  return new Map<string, unknown>([
    ['Kind', kind],
    ['User', user ? goStruct('Name', user) : null],
    ['Group', group ? goStruct('Name', group) : null],
    ['ServiceAccount', serviceAccount ? goStruct('Namespace Name', serviceAccount) : null],
  ]);
}

function shownResourceRule(rule: ResourcePolicyRule): Map<string, unknown> {
  return new Map<string, unknown>([
    ['Verbs', rule.verbs],
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['ClusterScope', rule.clusterScope ?? false],
    ['Namespaces', rule.namespaces ?? null],
  ]);
}
