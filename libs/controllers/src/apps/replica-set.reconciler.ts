import { gvr } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { replicaController } from '../workload/replica-loop.js';

/** Keeps as many pods as each ReplicaSet asks for. */
export function replicaSetController(context: ControllerContext): Controller {
  return replicaController(
    {
      name: 'replicaset-controller',
      resource: gvr.replicasets,
      kind: 'ReplicaSet',
      noun: 'replica set',
      reportsTerminating: true,
      selector: (owner) => owner.spec.selector,
    },
    runtimeFor(context, 'replicaset-controller'),
  );
}
