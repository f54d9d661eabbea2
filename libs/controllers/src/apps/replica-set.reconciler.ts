import { gvr } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { labelMatcher } from '../workload/label-matcher.js';
import { ReplicaLoop } from '../workload/replica-loop.js';

/** Keeps as many pods as each ReplicaSet asks for. */
export function replicaSetController(context: ControllerContext): Controller {
  return new ReplicaLoop(
    {
      name: 'replicaset-controller',
      resource: gvr.replicasets,
      kind: 'ReplicaSet',
      reportsTerminating: true,
      selector: (owner) => labelMatcher(owner.spec.selector),
    },
    runtimeFor(context, 'replicaset-controller'),
  );
}
