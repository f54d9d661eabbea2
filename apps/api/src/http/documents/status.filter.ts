import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asStatusError } from '#apimachinery';
import { negotiateStatus } from '../../codec/negotiation.js';
import { renderObject } from '../objects/response-renderer.js';
import { logInternalError } from '../server/internal-errors.js';
import { auditTrailOf } from '../server/request-marks.js';
import { API_SURFACE, type ApiSurface } from './api.tokens.js';

/** Unknown paths get the reference's plain text; everything else becomes a Status. */
@Catch()
export class StatusFilter implements ExceptionFilter {
  constructor(@Inject(API_SURFACE) private readonly surface: ApiSurface) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    if (error instanceof HttpException) {
      const code = error.getStatus();
      const text = code === 404 ? '404 page not found\n' : `${error.message}\n`;
      void reply.code(code).header('x-content-type-options', 'nosniff').type('text/plain; charset=utf-8').send(text);
      return;
    }
    const failure = asStatusError(error);
    const request = http.getRequest<FastifyRequest>().raw;
    logInternalError(this.surface.log, request, failure);
    auditTrailOf(request)?.refused(failure);
    const { mediaType } = negotiateStatus(request.headers.accept);
    void reply.code(failure.status.code).type(mediaType).send(renderObject(failure.status, mediaType));
  }
}
