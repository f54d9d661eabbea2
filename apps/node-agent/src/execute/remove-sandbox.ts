import type { PodState } from '../plan/pod-state.js';
import { ignoreMissing } from '../runtime/cri.js';
import type { Needs, Outcomes, StepOf } from './step-services.js';

export async function* stopSandbox(
  { runtime }: Needs<'runtime'>,
  _state: PodState,
  { id }: StepOf<'stopSandbox'>,
): Outcomes {
  await ignoreMissing(runtime.stopPodSandbox(id));
  yield { type: 'sandboxStopped', id };
}

export function removeSandbox(
  { runtime }: Needs<'runtime'>,
  _state: PodState,
  { id }: StepOf<'removeSandbox'>,
): Promise<void> {
  return ignoreMissing(runtime.removePodSandbox(id));
}
