import { gvr } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { equalitySelector } from '../indexes.js';
import { replicaController } from '../workload/replica-loop.js';

/** Keeps as many pods as each ReplicationController asks for. */
export function replicationController(context: ControllerContext): Controller {
  return replicaController(
    {
      name: 'replicationcontroller-controller',
      resource: gvr.replicationcontrollers,
      kind: 'ReplicationController',
      noun: 'replication controller',
      reportsTerminating: false,
      selector: (owner) => equalitySelector(owner.spec.selector),
    },
    runtimeFor(context, 'replication-controller'),
  );
}
