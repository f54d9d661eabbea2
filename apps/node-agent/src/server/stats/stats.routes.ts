import type { ServerResponse } from 'node:http';
import { readMachine } from '../../node/machine.js';
import type { NodeServerOptions } from '../node-server-options.js';
import type { Route } from '../router.js';
import { claimMetrics } from './claim-stats.js';
import { agentMetrics, cadvisorMetrics, resourceMetrics } from './metrics.js';
import { PROMETHEUS_TYPE } from './prometheus-text.js';
import { StatsSource } from './stats-source.js';
import { summary } from './summary.js';

export function statsRoutes(server: NodeServerOptions): Route[] {
  const source = new StatsSource(server.cri, server.pods, server.now ?? Date.now);
  const metrics = (path: string, render: () => Promise<string>): Route => ({
    methods: ['GET'],
    path,
    handle: async (_call, response) => {
      const text = await render();
      response.writeHead(200, { 'Content-Type': PROMETHEUS_TYPE }).end(text);
    },
  });
  const serveSummary = async (query: URLSearchParams, response: ServerResponse) => {
    const only = ['true', '1'].includes(query.get('only_cpu_and_memory') ?? '');
    const body = JSON.stringify(await summary(server, source, only));
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
  };
  return [
    {
      methods: ['GET', 'POST'],
      path: '/stats/summary',
      handle: ({ url }, response) => serveSummary(url.searchParams, response),
    },
    metrics(
      '/metrics',
      async () => agentMetrics(server) + (await claimMetrics(server)) + ((await server.metrics?.()) ?? ''),
    ),
    metrics('/metrics/cadvisor', async () => cadvisorMetrics(server, await source.current(), readMachine())),
    metrics('/metrics/resource', async () =>
      resourceMetrics(
        server,
        await source.current().catch((error: unknown) => {
          server.logger.warn('the usage of pods cannot be read', { error });
          return undefined;
        }),
      ),
    ),
  ];
}
