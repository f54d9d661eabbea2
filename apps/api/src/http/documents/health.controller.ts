import { All, Controller, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HealthMetrics } from '../metrics/health-metrics.js';
import { API_SURFACE, type ApiSurface } from './api.tokens.js';
import { checkHealth, type HealthCheck } from './health-checks.js';

const ENDPOINTS = ['healthz', 'livez', 'readyz'] as const;
type Endpoint = (typeof ENDPOINTS)[number];

/** /healthz, /livez, /readyz, and one path for each check below them. */
@Controller()
export class HealthController {
  private readonly metrics: HealthMetrics;

  constructor(@Inject(API_SURFACE) private readonly surface: ApiSurface) {
    this.metrics = new HealthMetrics(surface.metrics);
  }

  @All([...ENDPOINTS])
  async health(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const [path, query = ''] = request.url.split('?') as [string, string | undefined];
    const endpoint = path.slice(1) as Endpoint;
    const advisories = endpoint === 'readyz' ? (this.surface.advisories?.() ?? []) : [];
    await this.answer(endpoint, this.surface.checks, query, reply, advisories);
  }

  @All(ENDPOINTS.map((endpoint) => `${endpoint}/:check`))
  async single(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Param('check') name: string,
  ): Promise<void> {
    const [path, query = ''] = request.url.split('?') as [string, string | undefined];
    const endpoint = path.split('/')[1] as Endpoint;
    const checks = this.surface.checks.filter((check) => check.name === name);
    if (checks.length === 0) {
      await reply.code(404).type('text/plain; charset=utf-8').send('404 page not found\n');
      return;
    }
    await this.answer(endpoint, checks, query, reply);
  }

  private async answer(
    endpoint: Endpoint,
    checks: readonly HealthCheck[],
    query: string,
    reply: FastifyReply,
    advisories: readonly HealthCheck[] = [],
  ): Promise<void> {
    const report = await checkHealth(
      checks,
      endpoint,
      new URLSearchParams(query),
      (text) => this.surface.log.warn(text),
      (name, passed) => this.metrics.checked(name, endpoint, passed),
      advisories,
    );
    await reply
      .code(report.healthy ? 200 : 500)
      .header('cache-control', 'no-cache, private')
      .header('x-content-type-options', 'nosniff')
      .type('text/plain; charset=utf-8')
      .send(report.text);
  }
}
