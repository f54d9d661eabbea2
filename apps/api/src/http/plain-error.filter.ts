import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asStatusError, methodNotAllowed } from '#apimachinery';

/** Unknown paths get the reference's plain text; everything else becomes a Status. */
@Catch()
export class PlainErrorFilter implements ExceptionFilter {
  /** `readOnly`: paths that answer GET alone. */
  constructor(private readonly readOnly: ReadonlySet<string>) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error instanceof HttpException && !this.isMethodError(error, host.switchToHttp().getRequest())) {
      const code = error.getStatus();
      const text = code === 404 ? '404 page not found\n' : `${error.message}\n`;
      void reply.code(code).header('x-content-type-options', 'nosniff').type('text/plain; charset=utf-8').send(text);
      return;
    }
    const { status } = error instanceof HttpException ? methodNotAllowed() : asStatusError(error);
    void reply.code(status.code).type('application/json').send(JSON.stringify(status));
  }

  /** The router knows no difference between a path that is not there and one that is, for another method. */
  private isMethodError(error: HttpException, { method, url }: FastifyRequest): boolean {
    if (error.getStatus() !== 404 || method === 'GET') return false;
    return this.readOnly.has(url.replace(/\/?(\?.*)?$/, ''));
  }
}
