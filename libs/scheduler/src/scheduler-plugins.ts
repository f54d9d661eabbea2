import type { PluginDeclaration } from '#native/sched-core';
import { ANY_EVENT, ClusterEvent } from './cluster-event.js';

/** What the plugins say of themselves: which events can undo their rejection, and what they read of a pod. */
export class SchedulerPlugins {
  private readonly events: ReadonlyMap<string, number>;
  /** The fields of a pod's spec that any of them reads. */
  readonly podFields: readonly string[];

  /** Throws for an event that is not known here. */
  constructor(declarations: readonly PluginDeclaration[]) {
    this.events = new Map(declarations.map(({ name, events }) => [name, maskOf(name, events)]));
    this.podFields = [...new Set(declarations.flatMap(({ podFields }) => podFields))];
  }

  /**
   * The events that a pod waits for which these plugins rejected. Without a plugin to blame (no nodes at all), any event is
   * worth a try. Throws for a plugin that has declared nothing.
   */
  eventsThatHelp(plugins: readonly string[]): number {
    if (plugins.length === 0) return ANY_EVENT;
    let mask: number = ClusterEvent.Flush;
    for (const plugin of plugins) {
      const events = this.events.get(plugin);
      if (events === undefined) throw new Error(`scheduler plugin ${JSON.stringify(plugin)} is not declared`);
      mask |= events;
    }
    return mask;
  }
}

const flags: ReadonlyMap<string, number> = new Map(Object.entries(ClusterEvent));

function maskOf(plugin: string, events: readonly string[]): number {
  let mask = 0;
  for (const event of events) {
    const flag = flags.get(event);
    if (flag === undefined) {
      throw new Error(
        `scheduler plugin ${JSON.stringify(plugin)} waits for the unknown event ${JSON.stringify(event)}`,
      );
    }
    mask |= flag;
  }
  return mask;
}
