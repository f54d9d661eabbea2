import type { FlowController } from './flow-controller.js';
import type { Ticket } from './queue-set.js';

/** The reference's debugging pages: a row for each level, queue or request, with commas between the columns. */
export const FLOW_DUMPS: ReadonlyMap<string, (controller: FlowController, query: URLSearchParams) => string> = new Map([
  ['dump_priority_levels', dumpLevels],
  ['dump_queues', dumpQueues],
  ['dump_requests', dumpRequests],
]);

const LEVEL_COLUMNS = [
  ...['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests'],
  ...['DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests'],
];
const QUEUE_COLUMNS = [
  ...['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR'],
  ...['InitialSeatsSum', 'MaxSeatsSum', 'TotalWorkSum'],
];
const REQUEST_COLUMNS = [
  ...['PriorityLevelName', 'FlowSchemaName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'ArriveTime'],
  ...['InitialSeats', 'FinalSeats', 'AdditionalLatency', 'StartTime'],
];
const DETAIL_COLUMNS = [
  ...['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource'],
];

type Row = readonly (string | number | boolean)[];

function table(columns: readonly string[], rows: readonly Row[]): string {
  return [columns, ...rows].map((row) => `${row.join(',\t')}\n`).join('');
}

function byName(controller: FlowController) {
  return [...controller.state].sort(([a], [b]) => (a < b ? -1 : 1));
}

function dumpLevels(controller: FlowController): string {
  const rows = byName(controller).map(([name, { queues, isQuiescing }]): Row => {
    const active = queues.dump().filter(({ waiting }) => waiting.length > 0).length;
    const { isIdle, waiting, executing, dispatched, rejected, timedOut } = queues;
    return [name, active, isIdle, isQuiescing, waiting, executing, dispatched, rejected, 0, timedOut];
  });
  return table(LEVEL_COLUMNS, rows);
}

function dumpQueues(controller: FlowController): string {
  const rows = byName(controller).flatMap(([name, { queues }]) =>
    queues.dump().map((queue, i): Row => {
      const sum = (pick: (ticket: Ticket) => number) => queue.waiting.reduce((all, ticket) => all + pick(ticket), 0);
      const initial = sum(({ estimate }) => estimate.initialSeats);
      const { waiting, executing, seatsInUse, nextR, waitingWork } = queue;
      return [
        name,
        i,
        waiting.length,
        executing,
        seatsInUse,
        ss(nextR),
        initial,
        sum(({ seats }) => seats),
        ss(waitingWork),
      ];
    }),
  );
  return table(QUEUE_COLUMNS, rows);
}

function dumpRequests(controller: FlowController, query: URLSearchParams): string {
  const detailed = (query.get('includeRequestDetails') ?? '') !== '';
  const rows: Row[] = [];
  for (const [name, { queues }] of byName(controller)) {
    const all = queues.dump();
    for (const [i, queue] of all.entries()) {
      for (const [j, ticket] of queue.waiting.entries()) rows.push(requestRow(name, i, j, ticket, detailed));
    }
    for (const ticket of queues.underWay) {
      rows.push(requestRow(name, ticket.queue ? all.indexOf(ticket.queue) : -1, -1, ticket, detailed));
    }
  }
  return table(detailed ? [...REQUEST_COLUMNS, ...DETAIL_COLUMNS] : REQUEST_COLUMNS, rows);
}

function requestRow(level: string, queue: number, index: number, ticket: Ticket, detailed: boolean): Row {
  const { about, estimate, arrival, started } = ticket;
  const { initialSeats, finalSeats, extraSeconds } = estimate;
  const row: Row = [
    ...[level, about?.schema ?? '', queue, index, about?.flow() ?? '', time(arrival)],
    ...[initialSeats, finalSeats, `${extraSeconds}s`, started === 0 ? '0001-01-01T00:00:00Z' : time(started)],
  ];
  if (!detailed || !about) return row;
  const { user, request } = about;
  const { verb, path, namespace, name, group, version, resource, subresource } = request;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  return [...row, user.name, verb, path, namespace, name, apiVersion, resource, subresource];
}

/** Seat-seconds. */
function ss(value: number): string {
  return `${value.toFixed(8)}ss`;
}

/** @param seconds - of the monotonic clock */
function time(seconds: number): string {
  return new Date(performance.timeOrigin + seconds * 1000).toISOString();
}
