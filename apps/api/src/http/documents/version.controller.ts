import { All, Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { API_SURFACE, type ApiSurface } from './api.tokens.js';
import { discoveryPaths } from './discovery-paths.js';
import { HISTORY_PATH } from './document-paths.js';
import { SERVER_VERSION } from './version.js';

/** /version, and the list of paths at /. */
@Controller()
export class VersionController {
  constructor(@Inject(API_SURFACE) private readonly surface: ApiSurface) {}

  @All('version')
  async version(@Res() reply: FastifyReply): Promise<void> {
    await reply
      .header('cache-control', 'no-cache, private')
      .type('application/json')
      .send(JSON.stringify(SERVER_VERSION, null, 2));
  }

  @All()
  async paths(@Res() reply: FastifyReply): Promise<void> {
    const paths = new Set([
      ...discoveryPaths(this.surface.catalog.list()),
      '/healthz',
      '/livez',
      '/metrics',
      '/openapi/v2',
      '/openapi/v3',
      '/readyz',
      '/version',
    ]);
    if (this.surface.history) paths.add(HISTORY_PATH);
    for (const path of this.surface.documents.keys()) paths.add(path);
    await reply
      .header('cache-control', 'no-cache, private')
      .type('application/json')
      .send(JSON.stringify({ paths: [...paths].sort() }, null, 2));
  }
}
