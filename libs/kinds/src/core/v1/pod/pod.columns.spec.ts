import assert from 'node:assert/strict';
import { given, now } from '../../../testing/spec-support.js';
import { podCells, podRowConditions } from './pod.columns.js';

const running = { running: { startedAt: '2026-01-02T03:00:00Z' } };
const containers = [
  { name: 'a', image: 'i' },
  { name: 'b', image: 'i' },
];

function status(name: string, state: object, more: object = {}): object {
  return { name, image: 'i', imageID: '', ready: false, restartCount: 0, state, ...more };
}
function exited(exitCode: number, more: object = {}): object {
  return { terminated: { exitCode, ...more } };
}

const rows: [what: string, body: any, ready: string, word: string, restarts: string][] = [
  ['pending', { status: { phase: 'Pending' } }, '0/2', 'Pending', '0'],
  [
    'running with restarts',
    {
      status: {
        phase: 'Running',
        containerStatuses: [
          status('a', running, {
            ready: true,
            restartCount: 1,
            lastState: exited(1, { finishedAt: '2026-01-02T03:02:05Z' }),
          }),
          status('b', running, { ready: true }),
        ],
      },
    },
    '2/2',
    'Running',
    '1 (2m ago)',
  ],
  [
    'waiting',
    {
      status: {
        phase: 'Pending',
        containerStatuses: [
          status('a', { waiting: { reason: 'ImagePullBackOff' } }),
          status('b', running, { ready: true }),
        ],
      },
    },
    '1/2',
    'ImagePullBackOff',
    '0',
  ],
  [
    'exited with a code',
    { status: { phase: 'Failed', containerStatuses: [status('a', exited(3))] } },
    '0/2',
    'ExitCode:3',
    '0',
  ],
  [
    'killed by a signal',
    { status: { phase: 'Failed', containerStatuses: [status('a', exited(0, { signal: 9 }))] } },
    '0/2',
    'Signal:9',
    '0',
  ],
  [
    'one of two done',
    {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [status('a', exited(0, { reason: 'Completed' })), status('b', running, { ready: true })],
      },
    },
    '1/2',
    'Running',
    '0',
  ],
  [
    'one of two done and not ready',
    {
      status: {
        phase: 'Running',
        containerStatuses: [status('a', exited(0, { reason: 'Completed' })), status('b', running, { ready: true })],
      },
    },
    '1/2',
    'NotReady',
    '0',
  ],
  [
    'initializing',
    {
      spec: { initContainers: [{ name: 'x' }, { name: 'y' }] },
      status: { phase: 'Pending', initContainerStatuses: [status('x', exited(0)), status('y', running)] },
    },
    '0/2',
    'Init:1/2',
    '0',
  ],
  [
    'failed to initialize',
    {
      spec: { initContainers: [{ name: 'x' }] },
      status: {
        phase: 'Pending',
        initContainerStatuses: [status('x', exited(2, { reason: 'Error' }), { restartCount: 4 })],
      },
    },
    '0/2',
    'Init:Error',
    '4',
  ],
  [
    'with a sidecar',
    {
      spec: { initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      status: {
        phase: 'Running',
        initContainerStatuses: [status('s', running, { ready: true, started: true, restartCount: 2 })],
        containerStatuses: [
          status('a', running, { ready: true }),
          status('b', running, { ready: true, restartCount: 1 }),
        ],
      },
    },
    '3/3',
    'Running',
    '3',
  ],
  [
    'gated',
    {
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    },
    '0/2',
    'SchedulingGated',
    '0',
  ],
  ['evicted', { status: { phase: 'Failed', reason: 'Evicted' } }, '0/2', 'Evicted', '0'],
  [
    'being deleted',
    { metadata: { deletionTimestamp: '2026-01-02T03:04:05Z' }, status: { phase: 'Running' } },
    '0/2',
    'Terminating',
    '0',
  ],
  [
    'deleted and done',
    { metadata: { deletionTimestamp: '2026-01-02T03:04:05Z' }, status: { phase: 'Succeeded' } },
    '0/2',
    'Succeeded',
    '0',
  ],
  [
    'lost with its node',
    { metadata: { deletionTimestamp: '2026-01-02T03:04:05Z' }, status: { phase: 'Running', reason: 'NodeLost' } },
    '0/2',
    'Unknown',
    '0',
  ],
];

describe('pod rows', () => {
  for (const [what, body, ready, word, restarts] of rows) {
    it(what, () => {
      const pod = given('v1/pods', { ...body, spec: { containers, ...body.spec } });
      assert.deepEqual(podCells(pod, now).slice(0, 5), ['it', ready, word, restarts, '60m']);
    });
  }

  it('show address, node and readiness gates when wide', () => {
    const pod = given('v1/pods', {
      spec: { containers, nodeName: 'n1', readinessGates: [{ conditionType: 'g' }, { conditionType: 'h' }] },
      status: { podIPs: [{ ip: '10.1.1.1' }], conditions: [{ type: 'g', status: 'True' }] },
    });
    assert.deepEqual(podCells(pod, now).slice(5), ['10.1.1.1', 'n1', '<none>', '1/2']);
  });

  it('mark finished pods', () => {
    const of = (phase: string): any[] => podRowConditions(given('v1/pods', { status: { phase } }) as any);
    assert.deepEqual(of('Running'), []);
    assert.deepEqual([of('Failed')[0].type, of('Failed')[0].reason], ['Completed', 'Failed']);
  });
});
