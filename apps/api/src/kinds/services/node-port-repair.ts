import { type Clock, delay, type EventRecorder, type Logger } from '#client';
import type { CellFamily, MetricsRegistry } from '#telemetry';
import type { Store } from '../../storage/store.js';
import type { PortRange } from './ip-range.js';
import { type PortFault, type PortFaultType, portFaults } from './node-port-repair.plan.js';
import { NODE_PORTS } from './node-ports.js';

/** Milliseconds between two looks, as in the reference. */
const INTERVAL = 180_000;

const TYPES: readonly PortFaultType[] = ['repair', 'duplicate', 'outOfRange', 'leak'];

export interface NodePortRepairOptions {
  store: Pick<Store, 'cache' | 'commit'>;
  range: PortRange;
  clock: Clock;
  now(): Date;
  events: EventRecorder;
  logger: Logger;
  metrics: MetricsRegistry;
}

/**
 * Compares the node ports of the Services with the objects that hold them, now and then: a port and its Service come and go in one
 * write, so only a database that was edited or put together from parts, or another range of ports, makes work here.
 */
export class NodePortRepair {
  private readonly faults: CellFamily;
  private readonly failures: { value: number };

  constructor(private readonly options: NodePortRepairOptions) {
    const { metrics, store, range } = options;
    this.faults = metrics.counter({
      name: 'apiserver_nodeport_repair_port_errors_total',
      help: 'Faults found between the node ports of Services and what holds them.',
      labels: { type: TYPES },
    });
    this.failures = metrics
      .counter({ name: 'apiserver_nodeport_repair_reconcile_errors_total', help: 'Repairs of node ports that failed.' })
      .cell();
    const allocated = metrics
      .gauge({ name: 'kube_apiserver_nodeport_allocator_allocated_ports', help: 'Node ports in use.' })
      .cell();
    const available = metrics
      .gauge({ name: 'kube_apiserver_nodeport_allocator_available_ports', help: 'Node ports that are free.' })
      .cell();
    metrics.onCollect(() => {
      allocated.value = store.cache(NODE_PORTS).size;
      available.value = Math.max(0, range.last - range.first + 1 - allocated.value);
    });
  }

  /** Looks until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.options;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        this.failures.value += 1;
        logger.error('node ports were not repaired', { error });
      }
      await delay(clock, INTERVAL, signal);
    }
  }

  async look(): Promise<void> {
    const { store, range, now } = this.options;
    // Nothing comes between the two lists: they show one revision.
    const services = store.cache('services').list({})?.items ?? [];
    const held = store.cache(NODE_PORTS).list({})?.items ?? [];
    for (const fault of portFaults(services, held, range, now())) {
      // What somebody was faster with, another server or the Service itself, is no fault; if it still is, the next look finds it.
      if (fault.mend && !(await store.commit(fault.mend)).ok) continue;
      this.faults.cell(fault.type).value += 1;
      this.tell(fault);
    }
  }

  private tell({ type, port, service }: PortFault): void {
    const { events, logger, range } = this.options;
    const warn = (reason: string, message: string) => service && events.event(service, 'Warning', reason, message);
    if (type === 'repair') warn('PortNotAllocated', `Port ${port} is not allocated; repairing`);
    else if (type === 'duplicate') {
      warn('PortAlreadyAllocated', `Port ${port} was assigned to multiple services; please recreate service`);
    } else if (type === 'outOfRange') {
      warn('PortOutOfRange', `Port ${port} is not within the port range ${range.text}; please recreate service`);
    }
    const { namespace, name } = service?.metadata ?? {};
    logger.warn('a node port and its Service do not fit', { fault: type, port, namespace, name });
  }
}
