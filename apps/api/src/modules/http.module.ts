import { Module } from '@nestjs/common';
import { ResourceCatalog } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { AggregatedApis } from '../aggregation/aggregated-apis.js';
import { RemoteServers } from '../aggregation/remote-server.js';
import { ServiceForwarder } from '../aggregation/service-forwarder.js';
import { JWKS_PATH, OPENID_CONFIGURATION_PATH, openIdDocuments } from '../authentication/openid-discovery.js';
import { verificationKey } from '../authentication/token-signature.js';
import { ServedDefinitions } from '../custom-resources/served-definitions.js';
import { API_SURFACE, type ApiSurface } from '../http/documents/api.tokens.js';
import { PING, storeCheck } from '../http/documents/health-checks.js';
import { HttpFrontModule } from '../http/http-front.module.js';
import { HTTPS_OPTIONS } from '../http/https-options.js';
import { registerBuildInfo } from '../http/metrics/build-info.js';
import { RequestMetrics } from '../http/metrics/request-metrics.js';
import { registerStorageMetrics } from '../http/metrics/storage-metrics.js';
import { WatchMetrics } from '../http/metrics/watch-metrics.js';
import { ObjectPathHandler } from '../http/objects/object-path.handler.js';
import { NodeConnectHandler } from '../http/proxy/connect.handler.js';
import { provide } from '../injection/provide.js';
import type { Pki } from '../pki/pki.js';
import { AggregationModule } from './aggregation.module.js';
import { Audit, AuditModule } from './audit.module.js';
import { AuthenticationModule } from './authentication.module.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { CustomResourcesModule } from './custom-resources.module.js';
import { FlowControl, FlowControlModule } from './flow-control.module.js';
import { NodePortModule } from './node-port.module.js';
import { PkiModule } from './pki.module.js';
import { RegistryModule } from './registry.module.js';
import { ServerProgress } from './server-progress.js';
import { StorageModule } from './storage.module.js';
import {
  AUTHENTICATOR,
  HISTORY,
  ISSUER_URL,
  LISTER,
  NODE_CREDENTIALS,
  OPTIONS,
  PKI,
  PROXY_NETWORK,
  REGISTRY,
  STORE,
} from './tokens.js';

/** The agents of all nodes may share one ServiceAccount. */
const STREAMS_OF_ONE_USER = 10_000;

/** What the HTTPS server is made of. */
@Module({
  imports: [
    StorageModule,
    PkiModule,
    AuditModule,
    AuthenticationModule,
    RegistryModule,
    CustomResourcesModule,
    AggregationModule,
    FlowControlModule,
    NodePortModule,
  ],
  providers: [
    provide(
      API_SURFACE,
      [
        OPTIONS,
        ResourceCatalog,
        AggregatedApis,
        MetricsRegistry,
        ServerProgress,
        STORE,
        HISTORY,
        LISTER,
        PKI,
        ISSUER_URL,
        FlowControl,
      ],
      (options, catalog, aggregated, metrics, progress, store, history, lister, pki, issuerUrl, flow) => {
        registerStorageMetrics(metrics, store, catalog);
        registerBuildInfo(metrics);
        const serverAddress = serverAddressOf(options);
        return {
          catalog,
          aggregated,
          serverAddress,
          checks: [PING, storeCheck(store), progress.bootstrapCheck, progress.shutdownCheck],
          advisories: () => progress.advisories(),
          metrics,
          pods: () => lister.list('pods'),
          documents: new Map([...openIdSurface(issuerUrl, serverAddress, pki), ...flow.pages]),
          history,
          namespaceMade: (name) => {
            const made = lister.get('namespaces', '', name)?.metadata.creationTimestamp;
            return made === undefined ? undefined : new Date(made);
          },
          log: options.logger,
        };
      },
    ),
    provide(
      HTTPS_OPTIONS,
      [
        OPTIONS,
        REGISTRY,
        AUTHENTICATOR,
        MetricsRegistry,
        LISTER,
        PKI,
        NODE_CREDENTIALS,
        PROXY_NETWORK,
        ServedDefinitions,
        AggregatedApis,
        RemoteServers,
        Audit,
        FlowControl,
      ],
      (
        options,
        { handler, context },
        authenticator,
        metrics,
        lister,
        pki,
        nodeCredentials,
        network,
        definitions,
        apis,
        remote,
        { auditor },
        flow,
      ) => {
        const { logger, tracer } = options;
        const requests = new RequestMetrics(metrics);
        requests.follow(context.resources.catalog);
        const watches = new WatchMetrics(metrics);
        watches.follow(context.resources.catalog);
        return {
          tracer,
          tls: {
            key: pki.server.key,
            cert: pki.server.certificate,
            // Clients send only certificates of authorities that the server names.
            clientCa: pki.ca.certificate + pki.frontProxyCa.certificate,
          },
          address: options.bindAddress,
          port: options.securePort,
          shutdown: options.shutdown,
          dispatching: {
            authenticator,
            authorizer: context.authorizer,
            api: handler,
            resources: context.resources,
            late: definitions,
            objects: new ObjectPathHandler(handler, watches, undefined, logger),
            log: logger,
            auditor,
            metrics: requests,
            connects: new NodeConnectHandler(context, lister, nodeCredentials, network),
            aggregation: { apis, handler: new ServiceForwarder(apis, remote) },
            flow: flow.requests,
            slots: { ...options.maxInflight, streamsOfOneUser: STREAMS_OF_ONE_USER },
          },
        };
      },
    ),
  ],
  exports: [API_SURFACE, HTTPS_OPTIONS],
})
class HttpPartsModule {}

/** HTTPS over the registry. */
export const HttpModule = HttpFrontModule.over(HttpPartsModule);

/** `host:port` as clients reach the server. */
function serverAddressOf({ advertiseAddress, securePort }: ControlPlaneOptions): string {
  return `${advertiseAddress}:${securePort}`;
}

function openIdSurface(issuerUrl: string, serverAddress: string, { serviceAccount }: Pki): ApiSurface['documents'] {
  const { configuration, jwks } = openIdDocuments(issuerUrl, serverAddress, [
    verificationKey(serviceAccount.publicKey),
  ]);
  const document =
    ({ contentType: mediaType, body }: typeof jwks) =>
    () => ({ mediaType, body });
  return new Map([
    [OPENID_CONFIGURATION_PATH, document(configuration)],
    [JWKS_PATH, document(jwks)],
  ]);
}
