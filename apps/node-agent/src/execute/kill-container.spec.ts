import assert from 'node:assert/strict';
import { silentLogger } from '#client';
import type { Step } from '../plan/steps.js';
import { aContainer, aMemory, anObserved, aPod, exited, outcomesOf, running } from '../testing/pod-builders.js';
import { execute } from './executor.js';
import type { StepServices } from './step-services.js';

const kill: Step = {
  type: 'killContainer',
  key: 'kill',
  id: 'main-1',
  container: 'main',
  graceSeconds: 30,
  reason: 'Deleted',
  message: 'Stopping container main',
};
const preStop: Step = { type: 'preStop', key: 'hook', id: 'main-1', container: 'main', graceSeconds: 30 };
const spec = { containers: [aContainer('main', { lifecycle: { preStop: { exec: { command: ['bye'] } } } })] };

/** The pod is an endpoint for so many milliseconds. */
type Case = [title: string, steps: Step[], done: string[], rest?: { container?: typeof running; endpoint?: number }];

const plainKill: Step = { ...kill, hooked: true };
const cases: Case[] = [
  ['a container is stopped after its hook', [kill], ['bye', 'leave 1000', 'left', 'stop 20']],
  ['a hook that ran before is not run again', [preStop, plainKill], ['bye', 'leave 1000', 'left', 'stop 30']],
  [
    'a container that has ended has no hook any more',
    [kill],
    ['leave 1000', 'left', 'stop 30'],
    { container: (name) => exited(name, 0) },
  ],
  ['leaving Services counts in the grace', [plainKill], ['leave 1000', 'left', 'stop 29.4'], { endpoint: 600 }],
  ['half of a short grace is left', [{ ...plainKill, graceSeconds: 1 }], ['leave 500', 'left', 'stop 1']],
  ['a restarted container leaves no Service', [{ ...plainKill, reason: 'Liveness' }], ['stop 30'], { endpoint: 600 }],
];

for (const [title, steps, expected, { container = running, endpoint = 0 } = {}] of cases) {
  test(title, async () => {
    const done: string[] = [];
    let now = 0;
    const services = {
      runtime: {
        execSync: async (_id: string, command: string[]) => {
          done.push(command.join(' '));
          now += 10_000;
          return { exitCode: 0, stdout: '', stderr: '' };
        },
        stopContainer: async (_id: string, grace: number) => void done.push(`stop ${grace}`),
      },
      endpoints: {
        leave: async (_pod: unknown, milliseconds: number) => {
          done.push(`leave ${milliseconds}`);
          await new Promise(setImmediate);
          now += endpoint;
          done.push('left');
        },
      },
      node: { hostIPs: [] },
      events: { event: () => {} },
      logger: silentLogger,
      now: () => now,
    } as unknown as StepServices;
    const observed = anObserved({ containers: [container('main')] });
    const state = { pod: aPod(spec), removed: false, observed, memory: aMemory() };
    for (const step of steps) await outcomesOf(execute(services, state, step));
    assert.deepEqual(done, expected);
  });
}
