import { deepEqual, formatTime, isConflict, type KubeObject, quote } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject } from './ensure-object.js';
import { FLOW_SCHEMAS, type FlowSchemaFacts, PRIORITY_LEVELS, type PriorityLevelFacts } from './flow-control.facts.js';

const API_VERSION = 'flowcontrol.apiserver.k8s.io/v1';
const AUTO_UPDATE = 'apf.kubernetes.io/autoupdate-spec';

/** Default priority levels and flow schemas. The mandatory ones are put right at each start; the rest while annotated so. */
export async function ensureFlowControl({ client, now = () => new Date() }: BootstrapOptions): Promise<void> {
  await Promise.all([
    ...PRIORITY_LEVELS.map((facts) => {
      const wanted = object('PriorityLevelConfiguration', facts.name, priorityLevelSpec(facts));
      return ensureObject(client, gvr.prioritylevelconfigurations, wanted, (stored) =>
        amend(stored, wanted, facts.mandatory),
      );
    }),
    ...FLOW_SCHEMAS.map(async (facts) => {
      const wanted = object('FlowSchema', facts.name, flowSchemaSpec(facts));
      const stored = await ensureObject(client, gvr.flowschemas, wanted, (found) =>
        amend(found, wanted, facts.mandatory),
      );
      await markFound(client, stored, now);
    }),
  ]);
}

/** Says that the schema's priority level is there: `kubectl get flowschemas` shows it. */
async function markFound(client: Client, schema: KubeObject, now: () => Date): Promise<void> {
  const conditions: { type: string; status: string }[] = schema['status']?.conditions ?? [];
  if (conditions.some(({ type, status }) => type === 'Dangling' && status === 'False')) return;
  const level = schema['spec'].priorityLevelConfiguration.name;
  const found = {
    type: 'Dangling',
    status: 'False',
    lastTransitionTime: formatTime(now()),
    reason: 'Found',
    message: `This FlowSchema references the PriorityLevelConfiguration object named ${quote(level)} and it exists`,
  };
  const status = { ...schema['status'], conditions: [...conditions.filter(({ type }) => type !== 'Dangling'), found] };
  try {
    await client.update(gvr.flowschemas, '', { ...schema, status }, { subresource: 'status' });
  } catch (error) {
    // Another replica says the same at this moment.
    if (!isConflict(error)) throw error;
  }
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
