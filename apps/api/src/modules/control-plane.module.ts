import { type DynamicModule, Module } from '@nestjs/common';
import { BootstrapModule } from './bootstrap.module.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { HttpModule } from './http.module.js';
import { LoopsModule } from './loops.module.js';
import { ProcessModule } from './process.module.js';

/**
 * The whole server. The container starts imported modules before those that import them, and ends them after: storage, the registry,
 * HTTP, the cluster's own objects, the loops.
 */
@Module({})
export class ControlPlaneModule {
  static with(options: ControlPlaneOptions): DynamicModule {
    const bootstrap: DynamicModule = {
      module: BootstrapModule,
      imports: options.components.has('api') ? [HttpModule] : [],
    };
    const loops: DynamicModule = { module: LoopsModule, imports: [bootstrap] };
    return { module: ControlPlaneModule, imports: [ProcessModule.with(options), bootstrap, loops] };
  }
}
