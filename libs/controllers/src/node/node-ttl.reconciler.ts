import { isNotFound } from '#apimachinery';
import { objectKey } from '#client';
import { gvr, type Node } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';

const ANNOTATION = 'node.alpha.kubernetes.io/ttl';

interface Step {
  /** Numbers of nodes within which the step stays: steps overlap, so that one node more or less changes nothing. */
  min: number;
  max: number;
  seconds: number;
}

const STEPS: readonly Step[] = [
  { min: 0, max: 100, seconds: 0 },
  { min: 90, max: 500, seconds: 15 },
  { min: 450, max: 1000, seconds: 30 },
  { min: 900, max: 2000, seconds: 60 },
  { min: 1800, max: Number.POSITIVE_INFINITY, seconds: 300 },
];

/** Tells each node how long it may keep Secrets and ConfigMaps before it asks for them again: longer in larger clusters. */
export function nodeTtlController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'ttl-controller');
  const nodes = runtime.informers.for<Node>(gvr.nodes);
  let step = 0;
  return controller('ttl-controller', runtime)
    .for<Node>(gvr.nodes)
    .reconcile(async (key, wake) => {
      const next = ttlStep(step, nodes.size);
      if (next !== step) {
        step = next;
        for (const node of nodes.values()) wake(objectKey(node));
      }
      const node = nodes.getByKey(key);
      const seconds = String(ttlSeconds(step));
      if (!node || node.metadata.annotations?.[ANNOTATION] === seconds) return undefined;
      const metadata = { annotations: { [ANNOTATION]: seconds } };
      try {
        await runtime.client.patch(gvr.nodes, '', key, 'application/strategic-merge-patch+json', { metadata });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return undefined;
    });
}

/** The step for so many nodes, from the one that was taken before. */
export function ttlStep(before: number, nodes: number): number {
  let step = before;
  while (nodes > STEPS[step]!.max) step++;
  while (nodes < STEPS[step]!.min) step--;
  return step;
}

export const ttlSeconds = (step: number): number => STEPS[step]!.seconds;
