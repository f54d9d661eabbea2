import type { Cell, MetricsRegistry } from '#telemetry';

/** Label of `running_managed_controllers`: the program that upstream runs these controllers in. */
const MANAGER = 'kube-controller-manager';
/** Controllers of one process, at most. */
const CONTROLLERS = 100;

export interface ControllerState {
  readonly name: string;
  readonly running: boolean;
  /** Times that it was started again after it had failed. */
  readonly restarts: number;
  /** What it failed with last. */
  readonly error?: string;
}

/** How the controllers of this process are: for health checks, and in metrics. Empty while somebody else leads. */
export class ControllerHealth {
  private readonly known = new Map<string, ControllerState>();

  constructor(private readonly metrics: MetricsRegistry) {}

  states(): readonly ControllerState[] {
    return [...this.known.values()];
  }

  started(name: string): void {
    const old = this.known.get(name);
    this.known.set(name, { name, running: true, restarts: old ? old.restarts + 1 : 0, error: old?.error });
    this.runningCell(name).value = 1;
    this.restartsCell(name).value += old ? 1 : 0;
  }

  failed(name: string, error: string): void {
    this.known.set(name, { name, restarts: this.known.get(name)?.restarts ?? 0, running: false, error });
    this.runningCell(name).value = 0;
  }

  /** It ended because it was told to, or has nothing to do. */
  ended(name: string): void {
    this.known.delete(name);
    this.runningCell(name).value = 0;
  }

  private runningCell(name: string): Cell {
    const help = 'Whether a controller runs in this process: 1 or 0.';
    const labels = { name: CONTROLLERS, manager: [MANAGER] };
    return this.metrics.gauge({ name: 'running_managed_controllers', help, labels }).cell(name, MANAGER);
  }

  private restartsCell(name: string): Cell {
    const help = 'Times that a controller was started again after it had failed.';
    return this.metrics
      .counter({ name: 'berth_controller_restarts_total', help, labels: { name: CONTROLLERS } })
      .cell(name);
  }
}
