import { All, Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PROMETHEUS_CONTENT_TYPE } from '#telemetry';
import { API_SURFACE, type ApiSurface } from '../documents/api.tokens.js';
import { podResourceText } from './pod-resource-metrics.js';

/** /metrics, and /metrics/resources of the pods, in the Prometheus text format. */
@Controller()
export class MetricsController {
  constructor(@Inject(API_SURFACE) private readonly surface: ApiSurface) {}

  @All('metrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    await reply.type(PROMETHEUS_CONTENT_TYPE).send(await this.surface.metrics.render());
  }

  @All('metrics/resources')
  async resources(@Res() reply: FastifyReply): Promise<void> {
    await reply.type(PROMETHEUS_CONTENT_TYPE).send(await podResourceText(this.surface.pods()));
  }
}
