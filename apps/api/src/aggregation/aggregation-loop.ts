import { formatTime, isConflict, isNotFound } from '#apimachinery';
import { type Client, type Clock, ControlLoop, type Logger, type Requeue } from '#client';
import { type APIService, gvr, type ResourceCatalog } from '#kinds';
import type { MetricsRegistry } from '#telemetry';
import type { Lister } from '../storage/lister.js';
import type { AggregatedApis, ForwardedApi } from './aggregated-apis.js';
import { type Availability, checkFailed, lackOf, PASSED, serviceOf } from './availability.js';
import type { LocalApiServices } from './local-api-services.js';
import { fetchServedResources } from './remote-documents.js';
import type { RemoteServers } from './remote-server.js';

export interface AggregationLoopOptions {
  readonly apis: AggregatedApis;
  readonly local: LocalApiServices;
  readonly remote: RemoteServers;
  readonly catalog: ResourceCatalog;
  readonly lister: Lister;
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** Between two looks at the Service of an API, and between two questions to a server that answered the last one. Milliseconds. */
const LOOK = 5_000;
const LOOK_UNAVAILABLE = 1_000;
const ASK = 30_000;
/** APIServices with metrics of their own, at most. */
const NAMES = 1000;

/**
 * Says of each APIService whether its server answers, keeps what that server lists for discovery, and keeps the APIServices of custom
 * resources. It runs in every server: each has discovery documents of its own. Of several, one writes a status, and the others find
 * nothing left to do.
 */
export class AggregationLoop {
  private readonly loop: ControlLoop;
  private readonly asked = new Map<string, { spec: string; at: number; result: Availability }>();

  constructor(private readonly options: AggregationLoopOptions) {
    const { clock, logger, metrics } = options;
    const unavailable = metrics.gauge({
      name: 'aggregator_unavailable_apiservice',
      help: 'APIServices that are not available: 1 or 0 for each name.',
      labels: { name: NAMES },
    });
    metrics.onCollect(() => {
      unavailable.clear();
      for (const { name, available } of options.apis.list()) unavailable.cell(name).value = available ? 0 : 1;
    });
    this.loop = new ControlLoop({
      ...{ name: 'available_conditions', clock, logger, metrics },
      reconcile: (name) => this.reconcile(name),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { apis, catalog, local } = this.options;
    const wakeLocal = () => {
      for (const name of local.wanted()) this.loop.add(name);
    };
    const end = catalog.onChange(({ added, removed }) => {
      for (const { custom, group, version } of [...added, ...removed]) {
        if (custom !== undefined) this.loop.add(`${version}.${group}`);
      }
    });
    wakeLocal();
    try {
      apis.follow(signal, (name) => this.loop.add(name));
      await this.loop.run(signal);
    } finally {
      end();
    }
  }

  private async reconcile(name: string): Promise<Requeue | undefined> {
    const { apis, local } = this.options;
    const service = apis.cache.get('', name)?.parse() as APIService | undefined;
    if (!service?.spec.service) {
      this.asked.delete(name);
      await local.settle(name, service);
      return undefined;
    }
    const { group = '', version = '' } = service.spec;
    const api = apis.find(group, version);
    if (api?.name !== name) return undefined;
    const availability = await this.availability(api);
    await this.write(service, availability);
    return { requeueAfter: availability.status === 'True' ? LOOK : LOOK_UNAVAILABLE };
  }

  private async availability(api: ForwardedApi): Promise<Availability> {
    const { clock, lister } = this.options;
    const lack = lackOf(lister, serviceOf(api));
    if (lack) {
      this.asked.delete(api.name);
      return lack;
    }
    const spec = JSON.stringify(api.spec);
    const last = this.asked.get(api.name);
    if (last?.spec === spec && last.result.status === 'True' && clock.now() - last.at < ASK) return last.result;
    const result = await this.ask(api);
    this.asked.set(api.name, { spec, at: clock.now(), result });
    return result;
  }

  /** Its own discovery is what a server has to answer; the same answers are what this one's discovery is made of. */
  private async ask(api: ForwardedApi): Promise<Availability> {
    const { apis, remote, logger } = this.options;
    const path = `/apis/${api.group}/${api.version}`;
    const target = serviceOf(api);
    let endpoint = { host: `${target.name}.${target.namespace}.svc`, port: target.port };
    try {
      endpoint = remote.endpoint(api);
      const { code } = await remote.get(api, endpoint, path, 'application/json');
      if (code < 200 || code > 299)
        throw new Error(`bad status from https://${endpoint.host}:${endpoint.port}${path}: ${code}`);
    } catch (error) {
      return checkFailed(endpoint, path, (error as Error).message);
    }
    try {
      apis.setDocuments(api.name, await fetchServedResources(remote, api, endpoint));
    } catch (error) {
      logger.warn('an aggregated API gives no discovery', { apiservice: api.name, error });
    }
    return PASSED;
  }

  private async write(service: APIService, availability: Availability): Promise<void> {
    const { client, clock, logger } = this.options;
    const conditions = service.status?.conditions ?? [];
    const current = conditions.find(({ type }) => type === 'Available');
    const { status, reason, message } = availability;
    if (current?.status === status && current.reason === reason && current.message === message) return;
    const lastTransitionTime =
      current?.status === status ? current.lastTransitionTime : formatTime(new Date(clock.now()));
    const condition = { type: 'Available', status, lastTransitionTime, reason, message };
    const others = conditions.filter(({ type }) => type !== 'Available');
    logger.info('the availability of an APIService changed', { apiservice: service.metadata.name, ...availability });
    try {
      const written = { ...service, status: { conditions: [...others, condition] } } as APIService;
      await client.update<APIService>(gvr.apiservices, '', written, { subresource: 'status' });
    } catch (error) {
      // The event of who was faster wakes the loop again.
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }
}
