import type { Outcome } from '../plan/outcomes.js';
import type { PodState } from '../plan/pod-state.js';
import type { Step } from '../plan/steps.js';
import { announceBackoff } from './announce-backoff.js';
import { cleanUp } from './clean-up.js';
import { ensureImage } from './ensure-image.js';
import { killContainer, preStop } from './kill-container.js';
import { makeCgroup } from './make-cgroup.js';
import { removeContainer } from './remove-container.js';
import { removeSandbox, stopSandbox } from './remove-sandbox.js';
import { resizePod } from './resize-pod.js';
import { runSandbox } from './run-sandbox.js';
import { startContainer } from './start-container.js';
import type { StepHandler, StepServices } from './step-services.js';
import { mountVolume, unmountVolume, updateVolume } from './volume-steps.js';

const HANDLERS: { [T in Step['type']]: StepHandler<T> } = {
  makeCgroup,
  mountVolume,
  updateVolume,
  unmountVolume,
  runSandbox,
  ensureImage,
  startContainer,
  killContainer,
  preStop,
  resizePod,
  announceBackoff,
  removeContainer,
  stopSandbox,
  removeSandbox,
  cleanUp,
  deletePod: async function* ({ deletePod }, { pod }) {
    await deletePod(pod);
    yield { type: 'podDeleted' };
  },
};

/** Runs one step. Yields what becomes of it; what it throws is unexpected, and the step is planned again later. */
export async function* execute(services: StepServices, state: PodState, step: Step): AsyncGenerator<Outcome> {
  const handler = HANDLERS[step.type] as StepHandler<Step['type']>;
  const work = handler(services, state, step);
  if (work instanceof Promise) await work;
  else yield* work;
}
