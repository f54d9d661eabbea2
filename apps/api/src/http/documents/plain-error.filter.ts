import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { asStatusError } from '#apimachinery';

/** Unknown paths get the reference's plain text; everything else becomes a Status. */
@Catch()
export class PlainErrorFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error instanceof HttpException) {
      const code = error.getStatus();
      const text = code === 404 ? '404 page not found\n' : `${error.message}\n`;
      void reply.code(code).header('x-content-type-options', 'nosniff').type('text/plain; charset=utf-8').send(text);
      return;
    }
    const { status } = asStatusError(error);
    void reply.code(status.code).type('application/json').send(JSON.stringify(status));
  }
}
