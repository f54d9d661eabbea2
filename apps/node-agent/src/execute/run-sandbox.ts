import type { PodState } from '../plan/pod-state.js';
import { podKey } from '../pod/pod.js';
import { podCgroup } from '../pod/resources.js';
import { sandboxConfig } from './sandbox-config.js';
import type { Needs, Outcomes, StepOf } from './step-services.js';

export async function* runSandbox(
  services: Needs<'runtime' | 'runtimeHandler' | 'paths' | 'cgroups' | 'dns' | 'seccompRoot' | 'events' | 'logger'>,
  { pod, observed }: PodState,
  { attempt }: StepOf<'runSandbox'>,
): Outcomes {
  const { runtime, runtimeHandler, paths, cgroups, dns, seccompRoot, events, logger } = services;
  if (observed.sandboxes.length > 0) {
    events.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
  }
  const logDirectory = paths.logDirectory(pod);
  await paths.logFiles.makeFolder(logDirectory, 0o755);
  try {
    const cgroupParent = cgroups.runtimeParent(podCgroup(pod));
    const config = sandboxConfig({ pod, attempt, logDirectory, cgroupParent, dns, seccompRoot });
    await runtime.runPodSandbox(config, await runtimeHandler(pod));
  } catch (error) {
    const { message } = error as Error;
    events.event(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`);
    logger.warn('sandbox not created', { pod: podKey(pod), error });
    yield { type: 'sandboxFailed', message };
    return;
  }
  yield { type: 'sandboxMade' };
}
