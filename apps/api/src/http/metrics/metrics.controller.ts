import { All, Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { API_SURFACE, type ApiSurface } from '../documents/api.tokens.js';

/** /metrics in the Prometheus text format. */
@Controller()
export class MetricsController {
  constructor(@Inject(API_SURFACE) private readonly surface: ApiSurface) {}

  @All('metrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    await reply.type('text/plain; version=0.0.4; charset=utf-8').send(this.surface.metrics.render());
  }
}
