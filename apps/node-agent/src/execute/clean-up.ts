import type { PodState } from '../plan/pod-state.js';
import { podCgroup } from '../pod/resources.js';
import { unmountAll } from '../volumes/volume-set.js';
import type { Needs, Outcomes, StepOf } from './step-services.js';
import { unmountContext } from './volume-context.js';

export async function* cleanUp(
  services: Needs<'paths' | 'memoryDirectory' | 'runtime' | 'cgroups'>,
  { pod }: PodState,
  { everything }: StepOf<'cleanUp'>,
): Outcomes {
  const { paths, cgroups } = services;
  const { uid } = pod.metadata;
  await unmountAll(unmountContext(services), uid);
  await cgroups.remove(podCgroup(pod));
  if (everything) {
    await paths.logFiles.remove(paths.logDirectory(pod));
    await paths.files.remove(paths.pod(uid));
  }
  yield { type: 'cleanedUp', everything };
}
