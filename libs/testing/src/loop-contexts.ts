import { type Client, type Clock, type Logger, realClock, SharedInformers, silentLogger } from '#client';
import type { ControllerContext } from '#controllers';
import { allResources, ResourceCatalog } from '#kinds';
import { MetricsRegistry, noTracer, type Tracer } from '#telemetry';

/** What controllers and the scheduler both run in. */
export interface LoopContext {
  informers: SharedInformers;
  clock: Clock;
  random: () => number;
  logger: Logger;
  metrics: MetricsRegistry;
  tracer: Tracer;
}

/** A context that shows nothing to anybody, but for what is given. */
export function loopContext(client: Client, given: Partial<LoopContext> = {}): LoopContext {
  const { clock = realClock } = given;
  return {
    informers: new SharedInformers(client, { clock, logger: silentLogger }),
    clock,
    random: () => 0,
    logger: silentLogger,
    metrics: new MetricsRegistry(),
    tracer: noTracer,
    ...given,
  };
}

/** Nobody changes it: a simulation begins many lives, and making it takes a third of the time of one. */
let builtIn: ResourceCatalog | undefined;

/** The same for controllers: all act as one client, on the built-in kinds, in a cluster without networks. */
export function controllerContext(client: Client, given: Partial<ControllerContext> = {}): ControllerContext {
  builtIn ??= new ResourceCatalog(allResources());
  return {
    ...loopContext(client, given),
    clientFor: () => client,
    resources: builtIn,
    options: { clusterCidr: '', serviceCidr: '', rootCA: '', clusterDomain: 'cluster.local' },
    ...given,
  };
}
