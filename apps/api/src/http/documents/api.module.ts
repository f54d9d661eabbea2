import { type DynamicModule, Module } from '@nestjs/common';
import { MetricsController } from '../metrics/metrics.controller.js';
import { API_SURFACE, type ApiSurface } from './api.tokens.js';
import { DiscoveryController } from './discovery.controller.js';
import { DocumentsController } from './documents.controller.js';
import { HealthController } from './health.controller.js';
import { OpenApiController } from './openapi.controller.js';
import { VersionController } from './version.controller.js';

/** Everything that is no resource: discovery, schemas, health, metrics. */
@Module({})
export class ApiModule {
  static forSurface(surface: ApiSurface): DynamicModule {
    return {
      module: ApiModule,
      controllers: [
        DiscoveryController,
        DocumentsController,
        HealthController,
        MetricsController,
        OpenApiController,
        VersionController,
      ],
      providers: [{ provide: API_SURFACE, useValue: surface }],
    };
  }
}
