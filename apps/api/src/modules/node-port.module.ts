import { Module } from '@nestjs/common';
import { ApiEventRecorder } from '#client';
import { MetricsRegistry } from '#telemetry';
import { API_SERVER, MASTERS_GROUP } from '../identity/users.js';
import { provide } from '../injection/provide.js';
import { PortRange } from '../kinds/services/ip-range.js';
import { NodePortRepair } from '../kinds/services/node-port-repair.js';
import { BackgroundLoop } from './background-loop.js';
import { ProcessClients } from './process-clients.js';
import { RegistryModule } from './registry.module.js';
import { StorageModule } from './storage.module.js';
import { CLOCK, NOW, OPTIONS, STORE } from './tokens.js';

class NodePortLoop extends BackgroundLoop {}

/** Repairs what holds the node ports of Services. */
@Module({
  imports: [StorageModule, RegistryModule],
  providers: [
    provide(
      NodePortLoop,
      [OPTIONS, STORE, CLOCK, NOW, MetricsRegistry, ProcessClients],
      ({ logger, serviceNodePortRange }, store, clock, now, metrics, clients) => {
        const client = clients.as(API_SERVER, [MASTERS_GROUP]);
        const component = 'portallocator-repair-controller';
        const events = new ApiEventRecorder({ client, clock, logger, component });
        const range = new PortRange(serviceNodePortRange);
        const repair = new NodePortRepair({ store, range, clock, now, events, logger, metrics });
        return new NodePortLoop('node ports', logger, (signal) => repair.run(signal));
      },
    ),
  ],
})
export class NodePortModule {}
