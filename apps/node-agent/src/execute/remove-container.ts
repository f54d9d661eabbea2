import { basename, dirname, join } from 'node:path';
import { FileTree } from '#files';
import type { PodState } from '../plan/pod-state.js';
import { GrpcCode, hasCode, ignoreMissing } from '../runtime/cri.js';
import { ContainerState } from '../runtime/cri-types.js';
import type { Needs, Outcomes, StepOf } from './step-services.js';

/** With its logs and its last words: both lie on the host and only grow. */
export async function* removeContainer(
  { runtime, paths }: Needs<'runtime' | 'paths'>,
  { observed }: PodState,
  { id }: StepOf<'removeContainer'>,
): Outcomes {
  const container = observed.containers.find((candidate) => candidate.id === id);
  // What was seen before it was started may run by now, and the runtime would end it.
  if (container?.state === 'created' && (await isStarted(runtime, id))) return;
  await ignoreMissing(runtime.removeContainer(id));
  yield { type: 'containerRemoved', id };
  if (container?.messageFile) await paths.files.remove(container.messageFile);
  if (container?.logPath) await removeLogs(container.logPath);
}

async function isStarted(runtime: Needs<'runtime'>['runtime'], id: string): Promise<boolean> {
  try {
    return (await runtime.containerStatus(id)).state === ContainerState.Running;
  } catch (error) {
    if (hasCode(error, GrpcCode.NotFound)) return false;
    throw error;
  }
}

async function removeLogs(path: string): Promise<void> {
  const folder = new FileTree(dirname(path));
  const names = (await folder.list(folder.root)).map(({ name }) => name);
  const parts = names.filter((name) => name === basename(path) || name.startsWith(`${basename(path)}.`));
  for (const name of parts) await folder.remove(join(folder.root, name));
}
