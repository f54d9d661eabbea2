import { deepEqual, type KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import type { MandatoryObjects } from '../flow-control/flow-controller.js';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject } from './ensure-object.js';
import { FLOW_SCHEMAS, type FlowSchemaFacts, PRIORITY_LEVELS, type PriorityLevelFacts } from './flow-control.facts.js';

const API_VERSION = 'flowcontrol.apiserver.k8s.io/v1';
const AUTO_UPDATE = 'apf.kubernetes.io/autoupdate-spec';

/** Default priority levels and flow schemas. The mandatory ones are put right at each start; the rest while annotated so. */
export async function ensureFlowControl({ client }: Pick<BootstrapOptions, 'client'>): Promise<void> {
  // Levels first: no schema is to miss its own.
  await Promise.all(
    PRIORITY_LEVELS.map((facts) => {
      const wanted = object('PriorityLevelConfiguration', facts.name, priorityLevelSpec(facts));
      return ensureObject(client, gvr.prioritylevelconfigurations, wanted, (stored) =>
        amend(stored, wanted, facts.mandatory),
      );
    }),
  );
  await Promise.all(
    FLOW_SCHEMAS.map((facts) => {
      const wanted = object('FlowSchema', facts.name, flowSchemaSpec(facts));
      return ensureObject(client, gvr.flowschemas, wanted, (stored) => amend(stored, wanted, facts.mandatory));
    }),
  );
}

/** Those that flow control works by before, and whenever, the API has none. */
export function mandatoryFlowObjects(): MandatoryObjects {
  const levels = PRIORITY_LEVELS.filter(({ mandatory }) => mandatory);
  const schemas = FLOW_SCHEMAS.filter(({ mandatory }) => mandatory);
  return {
    levels: levels.map((facts) => object('PriorityLevelConfiguration', facts.name, priorityLevelSpec(facts))),
    schemas: schemas.map((facts) => object('FlowSchema', facts.name, flowSchemaSpec(facts))),
  } as unknown as MandatoryObjects;
}

function object(kind: string, name: string, spec: Record<string, unknown>): KubeObject {
  return { apiVersion: API_VERSION, kind, metadata: { name, annotations: { [AUTO_UPDATE]: 'true' } }, spec };
}

/** Of a mandatory exempt level the shares are the administrator's. */
function amend(stored: KubeObject, wanted: KubeObject, mandatory: boolean | undefined): boolean {
  if (!mandatory && stored.metadata.annotations?.[AUTO_UPDATE] !== 'true') return false;
  const spec = wanted['spec'].type === 'Exempt' ? { ...wanted['spec'], exempt: stored['spec'].exempt } : wanted['spec'];
  let changed = false;
  if (!deepEqual(stored['spec'], spec)) {
    stored['spec'] = spec;
    changed = true;
  }
  if (mandatory && stored.metadata.annotations?.[AUTO_UPDATE] !== 'true') {
    (stored.metadata.annotations ??= {})[AUTO_UPDATE] = 'true';
    changed = true;
  }
  return changed;
}

export function priorityLevelSpec({ shares, lendable, queuing, exempt }: PriorityLevelFacts): Record<string, unknown> {
  const common = { nominalConcurrencyShares: shares, lendablePercent: lendable };
  if (exempt) return { type: 'Exempt', exempt: common };
  const limitResponse = queuing
    ? { type: 'Queue', queuing: { queues: queuing[0], handSize: queuing[1], queueLengthLimit: queuing[2] } }
    : { type: 'Reject' };
  return { type: 'Limited', limited: { ...common, limitResponse } };
}

export function flowSchemaSpec(facts: FlowSchemaFacts): Record<string, unknown> {
  const rule: Record<string, unknown> = { subjects: facts.subjects.map(subject) };
  if (facts.resources) {
    rule['resourceRules'] = facts.resources.map(({ verbs, groups, resources, clusterScope }) => ({
      verbs,
      apiGroups: groups,
      resources,
      ...(clusterScope ? { clusterScope } : undefined),
      namespaces: ['*'],
    }));
  }
  if (facts.paths) rule['nonResourceRules'] = [{ verbs: facts.paths.verbs, nonResourceURLs: facts.paths.urls }];
  return {
    priorityLevelConfiguration: { name: facts.level },
    matchingPrecedence: facts.precedence,
    ...(facts.distinguish ? { distinguisherMethod: { type: facts.distinguish } } : undefined),
    rules: [rule],
  };
}

/** `group:N`, `user:N`, `sa:namespace/name` */
function subject(text: string): Record<string, unknown> {
  const colon = text.indexOf(':');
  const name = text.slice(colon + 1);
  switch (text.slice(0, colon)) {
    case 'group':
      return { kind: 'Group', group: { name } };
    case 'user':
      return { kind: 'User', user: { name } };
    default: {
      const [namespace, account] = name.split('/');
      return { kind: 'ServiceAccount', serviceAccount: { namespace, name: account } };
    }
  }
}
