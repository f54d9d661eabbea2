import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ApiEventRecorder, type Client, HttpClient, loadConfig, realClock } from '#client';
import { SettingError } from '#settings';
import {
  createLogger,
  MetricsRegistry,
  registerProcessMetrics,
  registerRegisteredMetrics,
  startTraceExport,
} from '#telemetry';
import { NodeAgent } from './agent.js';
import { type AgentOptions, networkOptions, parseOptions, usage } from './agent-options.js';
import { cleanUpNode } from './cleanup.js';
import { kubeletConfiguration } from './kubelet-configuration.js';
import { ProxyModeError } from './network/netfilter.js';
import { prepareNetwork } from './network/network.js';
import { registerProbeMetrics } from './probes/probe-metrics.js';
import { CgroupDriverError } from './runtime/cgroup-driver.js';
import { registerCgroupMetrics } from './runtime/cgroup-metrics.js';
import { registerRuntimeMetrics } from './runtime/runtime-metrics.js';
import { type NodeServer, startNodeServer } from './server/node-server.js';
import { registerCertificateMetrics } from './sync/certificate-metrics.js';
import { folderUses } from './volumes/folder-users.js';
import { LocalPathFolders } from './volumes/local-path-folders.js';
import { LOCAL_VOLUME } from './volumes/persistent-volume.js';
import { registerVolumeMetrics } from './volumes/volume-metrics.js';
import { VolumeScrubber } from './volumes/volume-scrubber.js';

let logger = createLogger({ component: 'agent' });

async function main(): Promise<void> {
  const [command, ...rest] = process.argv.slice(2);
  const options = parseOptions(command === 'cleanup' ? rest : process.argv.slice(2));
  if (!options) {
    process.stdout.write(usage());
    return;
  }
  logger = createLogger({ component: 'agent', ...options.logging });
  if (command === 'cleanup') {
    await cleanUpNode(options, logger);
    process.exit(0);
  }
  const network = prepareNetwork(networkOptions(options));
  const metrics = new MetricsRegistry(logger);
  registerProcessMetrics(metrics);
  registerRegisteredMetrics(metrics);
  const traces = options.traceExport
    ? await startTraceExport({ ...options.traceExport, service: 'kubelet', instance: options.nodeName })
    : undefined;
  const client = new HttpClient(loadConfig({ path: options.kubeconfig }), {
    userAgent: 'berth-agent',
    metrics,
    tracer: traces?.tracer,
  });
  const policyClient = existsSync(options.networkKubeconfig)
    ? new HttpClient(loadConfig({ path: options.networkKubeconfig }), { userAgent: 'berth-agent' })
    : undefined;
  const events = new ApiEventRecorder({
    client,
    clock: realClock,
    logger,
    component: 'kubelet',
    host: options.nodeName,
  });
  let server: NodeServer | undefined;
  let agent: NodeAgent | undefined;
  const stop = (): void => {
    // Pods run on; the next agent adopts them.
    agent?.close();
    void Promise.race([
      Promise.all([server?.close(), traces?.close()]),
      new Promise((resolve) => setTimeout(resolve, 1000)),
    ]).then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await NodeAgent.start(
    options,
    client,
    events,
    logger,
    (created) => {
      agent = created;
      registerCgroupMetrics(metrics, created.cgroups);
      registerRuntimeMetrics(metrics, created.runtime);
      registerProbeMetrics(metrics, () => created.parts.prober.counts());
      registerCertificateMetrics(metrics, created.parts.certificates);
      registerVolumeMetrics(metrics, created.parts.services.volumeOperations);
      const { informers, signal } = created;
      network.start({ informers, policyClient, clock: realClock, logger, metrics, events, signal });
      serve(options, created, client, metrics).then(
        (started) => {
          server = started;
        },
        (error: unknown) => {
          logger.error('the node server does not start', { error });
          process.exit(1);
        },
      );
    },
    traces?.tracer,
    network.pods,
  );
  logger.info('the node agent runs', { node: options.nodeName });
}

function serve(
  options: AgentOptions,
  { runtime, pods, unhealthy, parts: { paths, registry } }: NodeAgent,
  client: Client,
  metrics: MetricsRegistry,
): Promise<NodeServer> {
  const uses = () => folderUses([...registry.workers()].map(({ state }) => state));
  const pki = (file: string) => join(options.dataDir, 'pki', file);
  return startNodeServer({
    nodeName: options.nodeName,
    port: options.port,
    tls: { certificateFile: pki('agent-server.crt'), keyFile: pki('agent-server.key'), clientCaFile: pki('ca.crt') },
    cri: runtime,
    pods,
    client,
    logger,
    folders: new LocalPathFolders(options.dataDir, paths, uses),
    scrubber: new VolumeScrubber(options.dataDir, paths, uses),
    claimFolder: (uid, volume) => paths.volume(uid, LOCAL_VOLUME, volume),
    metrics: () => metrics.render(),
    configuration: () => kubeletConfiguration(options),
    unhealthy,
    dataDirectory: options.dataDir,
  });
}

main().catch((error: unknown) => {
  const expected =
    error instanceof SettingError ||
    error instanceof ProxyModeError ||
    error instanceof CgroupDriverError ||
    (error as Error)?.name === 'KubeconfigError';
  if (expected) logger.error((error as Error).message);
  else logger.error('the node agent ends', { error });
  process.exit(1);
});
