import type { PodState } from '../plan/pod-state.js';
import { podCgroup, podLimits } from '../pod/resources.js';
import type { Needs, Outcomes } from './step-services.js';

export async function* makeCgroup(
  { cgroups, node, paths }: Needs<'cgroups' | 'node' | 'paths'>,
  { pod }: PodState,
): Outcomes {
  // First of all that is made for a pod, and removed last: by it the agent knows its own pods.
  await paths.files.makeFolder(paths.pod(pod.metadata.uid), 0o750);
  const limits = podLimits(pod, node);
  await cgroups.create(podCgroup(pod), limits);
  yield { type: 'cgroupMade', limits };
}
