import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DiscoveryController } from './documents/discovery.controller.js';
import { DocumentsController } from './documents/documents.controller.js';
import { HealthController } from './documents/health.controller.js';
import { HistoryController } from './documents/history.controller.js';
import { OpenApiController } from './documents/openapi.controller.js';
import { StatusFilter } from './documents/status.filter.js';
import { VersionController } from './documents/version.controller.js';
import { HttpsServer } from './https-server.js';
import { MetricsController } from './metrics/metrics.controller.js';

/** The HTTPS server, and the controllers of everything that is no resource: discovery, schemas, health, metrics. */
@Module({
  controllers: [
    DiscoveryController,
    DocumentsController,
    HealthController,
    HistoryController,
    MetricsController,
    OpenApiController,
    VersionController,
  ],
  providers: [HttpsServer, { provide: APP_FILTER, useClass: StatusFilter }],
  exports: [HttpsServer],
})
export class HttpFrontModule {
  /** `parts` exports API_SURFACE and HTTPS_OPTIONS. */
  static over(parts: Type): DynamicModule {
    return { module: HttpFrontModule, imports: [parts] };
  }
}
