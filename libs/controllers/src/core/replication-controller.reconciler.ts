import { gvr } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { labelMatcher } from '../workload/label-matcher.js';
import { ReplicaLoop } from '../workload/replica-loop.js';

/** Keeps as many pods as each ReplicationController asks for. */
export function replicationController(context: ControllerContext): Controller {
  return new ReplicaLoop(
    {
      name: 'replication-controller',
      resource: gvr.replicationcontrollers,
      kind: 'ReplicationController',
      reportsTerminating: false,
      selector: (owner) => labelMatcher({ matchLabels: owner.spec.selector }),
    },
    runtimeFor(context, 'replication-controller'),
  );
}
