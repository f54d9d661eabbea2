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

const cases: [title: string, steps: Step[], done: string[], container?: typeof running][] = [
  ['a container is stopped after its hook', [kill], ['bye', 'stop 20']],
  ['a hook that ran before is not run again', [preStop, { ...kill, hooked: true }], ['bye', 'stop 30']],
  ['a container that has ended has no hook any more', [kill], ['stop 30'], (name) => exited(name, 0)],
];

for (const [title, steps, expected, container = running] of cases) {
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
