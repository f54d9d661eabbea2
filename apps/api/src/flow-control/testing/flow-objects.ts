import type { UserInfo } from '#apimachinery';
import type { FlowSchema, PriorityLevelConfiguration } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { FlowMetrics } from '../flow-metrics.js';
import type { FlowRequest } from '../flow-schema.js';
import { QueueSet, Ticket } from '../queue-set.js';

const API = 'flowcontrol.apiserver.k8s.io/v1';

/** A level that queues: `[queues, handSize, queueLengthLimit]`; without, it rejects. */
export function level(
  name: string,
  shares: number,
  queuing?: [number, number, number],
  more = {},
): PriorityLevelConfiguration {
  const limitResponse = queuing
    ? { type: 'Queue', queuing: { queues: queuing[0], handSize: queuing[1], queueLengthLimit: queuing[2] } }
    : { type: 'Reject' };
  const spec = { type: 'Limited', limited: { nominalConcurrencyShares: shares, limitResponse, ...more } };
  return { apiVersion: API, kind: 'PriorityLevelConfiguration', metadata: { name, uid: `uid-${name}` }, spec };
}

export function exemptLevel(): PriorityLevelConfiguration {
  const spec = { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } };
  return { apiVersion: API, kind: 'PriorityLevelConfiguration', metadata: { name: 'exempt' }, spec };
}

type Rules = NonNullable<FlowSchema['spec']['rules']>;

export function schema(name: string, levelName: string, rules: Rules, more = {}): FlowSchema {
  const spec = { priorityLevelConfiguration: { name: levelName }, rules, ...more };
  return { apiVersion: API, kind: 'FlowSchema', metadata: { name, uid: `uid-${name}` }, spec };
}

export const everything = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};

export const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups });

export function request(more: Partial<FlowRequest> = {}): FlowRequest {
  return {
    ...{
      isResourceRequest: true,
      verb: 'get',
      group: '',
      version: 'v1',
      resource: 'pods',
      subresource: '',
      namespace: 'a',
    },
    ...{ name: 'x', path: '/api/v1/namespaces/a/pods/x', ...more },
  };
}

/** Seconds that pass when a test says so. */
export class TestTime {
  now = 1000;
  readonly clock = () => this.now;
}

export const metrics = new FlowMetrics(new MetricsRegistry());
const cells = metrics.flow('level', 'schema');

export const always = { isOpen: () => true, wake() {} };

/** A request of a flow that waits in these queues. */
export function ticket(hand: readonly number[], seats = 1, finalSeats = 0, extraSeconds = 0): Ticket {
  return new Ticket(cells, hand, { initialSeats: seats, finalSeats, extraSeconds });
}

export function queueSet(
  time: TestTime,
  queues: number,
  limit: number,
  queueLengthLimit = 50,
  pace = always,
): QueueSet {
  const set = new QueueSet(pace, time.clock);
  set.configure({ queues, handSize: 1, queueLengthLimit }, limit);
  return set;
}
